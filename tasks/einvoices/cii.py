"""XML paths of a UN/CEFACT Cross Industry Invoice (CII).

Factur-X, ZUGFeRD 1.0 and 2.x, XRechnung in CII syntax.

Paths are those of D16B, EN 16931-3-3; ZUGFeRD 1.0 (CrossIndustryDocument) names the same places
differently, see `ALIASES`.
"""

from tasks.einvoices.mapping import (
    Fields,
    Group,
    Groups,
    Joined,
    Value,
    Values,
    as_date,
    as_decimal,
)

ALIASES = {  # ZUGFeRD 1.0 name -> D16B name
    "SpecifiedExchangedDocumentContext": "ExchangedDocumentContext",
    "HeaderExchangedDocument": "ExchangedDocument",
    "SpecifiedSupplyChainTradeTransaction": "SupplyChainTradeTransaction",
    "ApplicableSupplyChainTradeAgreement": "ApplicableHeaderTradeAgreement",
    "ApplicableSupplyChainTradeDelivery": "ApplicableHeaderTradeDelivery",
    "ApplicableSupplyChainTradeSettlement": "ApplicableHeaderTradeSettlement",
    "SpecifiedSupplyChainTradeAgreement": "SpecifiedLineTradeAgreement",
    "SpecifiedSupplyChainTradeDelivery": "SpecifiedLineTradeDelivery",
    "SpecifiedSupplyChainTradeSettlement": "SpecifiedLineTradeSettlement",
    "SpecifiedTradeSettlementMonetarySummation": "SpecifiedTradeSettlementHeaderMonetarySummation",
    "SpecifiedTradeSettlementLineMonetarySummation": "SpecifiedTradeSettlementHeaderMonetarySummation",
    "ApplicablePercent": "RateApplicablePercent",
    "DeliveryNoteReferencedDocument": "DespatchAdviceReferencedDocument",
}

_AGREEMENT = "SupplyChainTradeTransaction/ApplicableHeaderTradeAgreement"
_DELIVERY = "SupplyChainTradeTransaction/ApplicableHeaderTradeDelivery"
_SETTLEMENT = "SupplyChainTradeTransaction/ApplicableHeaderTradeSettlement"
_TOTALS = f"{_SETTLEMENT}/SpecifiedTradeSettlementHeaderMonetarySummation"
_MEANS = f"{_SETTLEMENT}/SpecifiedTradeSettlementPaymentMeans"
TAX_TOTALS = f"{_TOTALS}/TaxTotalAmount"

_IDENTIFIER: Fields = {"value": Value("."), "scheme": Value("@schemeID")}
_PERIOD: Fields = {"start": Value("StartDateTime", as_date), "end": Value("EndDateTime", as_date)}

_ADDRESS: Fields = {
    "lines": Values("LineOne+LineTwo+LineThree"),
    "postcode": Value("PostcodeCode"),
    "city": Value("CityName"),
    "region": Value("CountrySubDivisionName"),
    "country": Value("CountryID"),
}

_PARTY: Fields = {
    "name": Value("Name"),
    "trading_name": Value("SpecifiedLegalOrganization/TradingBusinessName"),
    "vat_id": Value("SpecifiedTaxRegistration/ID[@schemeID=VA]"),
    "tax_number": Value("SpecifiedTaxRegistration/ID[@schemeID=FC]"),
    "registration_id": Value("SpecifiedLegalOrganization/ID"),
    "registration_scheme": Value("SpecifiedLegalOrganization/ID/@schemeID"),
    "ids": Groups("ID+GlobalID", _IDENTIFIER),
    "legal_information": Value("Description"),
    "electronic_address": Value("URIUniversalCommunication/URIID"),
    "electronic_address_scheme": Value("URIUniversalCommunication/URIID/@schemeID"),
    "address": Group("PostalTradeAddress", _ADDRESS),
    "contact": Group(
        "DefinedTradeContact",
        {
            "name": Value("PersonName|DepartmentName"),
            "phone": Value("TelephoneUniversalCommunication/CompleteNumber"),
            "email": Value(
                "EmailURIUniversalCommunication/URIID|EmailURIUniversalCommunication/CompleteNumber"
            ),
        },
    ),
}

_ALLOWANCE_CHARGE: Fields = {
    "amount": Value("ActualAmount", as_decimal),
    "base_amount": Value("BasisAmount", as_decimal),
    "percentage": Value("CalculationPercent", as_decimal),
    "reason": Value("Reason"),
    "reason_code": Value("ReasonCode"),
    "tax_category": Value("CategoryTradeTax/CategoryCode"),
    "tax_rate": Value("CategoryTradeTax/RateApplicablePercent", as_decimal),
}

_LOGISTICS_CHARGE: Fields = {  # ZUGFeRD 1.0 and EXTENDED: freight beside the charges of EN 16931
    "amount": Value("AppliedAmount", as_decimal),
    "reason": Value("Description"),
    "tax_category": Value("AppliedTradeTax/CategoryCode"),
    "tax_rate": Value("AppliedTradeTax/RateApplicablePercent", as_decimal),
}

_ALLOWANCES = "SpecifiedTradeAllowanceCharge[ChargeIndicator/Indicator=false]"
_CHARGES = "SpecifiedTradeAllowanceCharge[ChargeIndicator/Indicator=true]"
_NET_PRICE = "SpecifiedLineTradeAgreement/NetPriceProductTradePrice"
_GROSS_PRICE = "SpecifiedLineTradeAgreement/GrossPriceProductTradePrice"

_LINE: Fields = {
    "id": Value("AssociatedDocumentLineDocument/LineID"),
    "name": Value("SpecifiedTradeProduct/Name"),
    "description": Value("SpecifiedTradeProduct/Description"),
    "note": Joined("AssociatedDocumentLineDocument/IncludedNote/Content"),
    "quantity": Value("SpecifiedLineTradeDelivery/BilledQuantity", as_decimal),
    "unit": Value("SpecifiedLineTradeDelivery/BilledQuantity/@unitCode"),
    "unit_price": Value(f"{_NET_PRICE}/ChargeAmount", as_decimal),
    "price_discount": Value(
        f"{_GROSS_PRICE}/AppliedTradeAllowanceCharge[ChargeIndicator/Indicator!=true]/ActualAmount",
        as_decimal,
    ),
    "gross_price": Value(f"{_GROSS_PRICE}/ChargeAmount", as_decimal),
    "price_base_quantity": Value(
        f"{_NET_PRICE}/BasisQuantity|{_GROSS_PRICE}/BasisQuantity", as_decimal
    ),
    "price_base_unit": Value(
        f"{_NET_PRICE}/BasisQuantity/@unitCode|{_GROSS_PRICE}/BasisQuantity/@unitCode"
    ),
    "net_amount": Value(
        "SpecifiedLineTradeSettlement/SpecifiedTradeSettlementHeaderMonetarySummation/LineTotalAmount",
        as_decimal,
    ),
    "tax_category": Value("SpecifiedLineTradeSettlement/ApplicableTradeTax/CategoryCode"),
    "tax_rate": Value(
        "SpecifiedLineTradeSettlement/ApplicableTradeTax/RateApplicablePercent", as_decimal
    ),
    "allowances": Groups(f"SpecifiedLineTradeSettlement/{_ALLOWANCES}", _ALLOWANCE_CHARGE),
    "charges": Groups(f"SpecifiedLineTradeSettlement/{_CHARGES}", _ALLOWANCE_CHARGE),
    "period": Group("SpecifiedLineTradeSettlement/BillingSpecifiedPeriod", _PERIOD),
    "seller_item_id": Value("SpecifiedTradeProduct/SellerAssignedID"),
    "buyer_item_id": Value("SpecifiedTradeProduct/BuyerAssignedID"),
    "standard_item_id": Value("SpecifiedTradeProduct/GlobalID"),
    "classifications": Groups(
        "SpecifiedTradeProduct/DesignatedProductClassification/ClassCode",
        {"value": Value("."), "scheme": Value("@listID")},
    ),
    "origin_country": Value("SpecifiedTradeProduct/OriginTradeCountry/ID"),
    "attributes": Groups(
        "SpecifiedTradeProduct/ApplicableProductCharacteristic",
        {"name": Value("Description"), "value": Value("Value|ValueMeasure")},
    ),
    "order_line_reference": Value(
        "SpecifiedLineTradeAgreement/BuyerOrderReferencedDocument/LineID"
    ),
    "object_id": Value(
        "SpecifiedLineTradeSettlement/AdditionalReferencedDocument[TypeCode=130]/IssuerAssignedID"
    ),
    "accounting_reference": Value(
        "SpecifiedLineTradeSettlement/ReceivableSpecifiedTradeAccountingAccount/ID"
    ),
}

_TAX_SUBTOTAL: Fields = {
    "category": Value("CategoryCode"),
    "rate": Value("RateApplicablePercent", as_decimal),
    "taxable_amount": Value("BasisAmount", as_decimal),
    "tax_amount": Value("CalculatedAmount", as_decimal),
    "exemption_reason": Value("ExemptionReason"),
    "exemption_reason_code": Value("ExemptionReasonCode"),
}

_ACCOUNT: Fields = {
    "iban": Value("PayeePartyCreditorFinancialAccount/IBANID"),
    "account_number": Value("PayeePartyCreditorFinancialAccount/ProprietaryID"),
    "name": Value("PayeePartyCreditorFinancialAccount/AccountName"),
    "bic": Value("PayeeSpecifiedCreditorFinancialInstitution/BICID"),
}


def _reference(place: str) -> Value:
    return Value(f"{place}/IssuerAssignedID|{place}/ID")  # ZUGFeRD 1.0 has ID


_STATUS = "AssociatedDocumentLineDocument/LineStatusReasonCode"
LINES_BILLED = (  # EXTENDED: a group repeats the sum of its lines, an information adds nothing
    "SupplyChainTradeTransaction"
    f"/IncludedSupplyChainTradeLineItem[{_STATUS}!=GROUP]/.[{_STATUS}!=INFORMATION]"
)

INVOICE: Fields = {
    "number": Value("ExchangedDocument/ID"),
    "type_code": Value("ExchangedDocument/TypeCode"),
    "issue_date": Value("ExchangedDocument/IssueDateTime", as_date),
    "due_date": Value(f"{_SETTLEMENT}/SpecifiedTradePaymentTerms/DueDateDateTime", as_date),
    "tax_point_date": Value(f"{_SETTLEMENT}/ApplicableTradeTax/TaxPointDate", as_date),
    "tax_point_code": Value(f"{_SETTLEMENT}/ApplicableTradeTax/DueDateTypeCode"),
    "currency": Value(f"{_SETTLEMENT}/InvoiceCurrencyCode"),
    "tax_currency": Value(f"{_SETTLEMENT}/TaxCurrencyCode"),
    "seller": Group(f"{_AGREEMENT}/SellerTradeParty", _PARTY),
    "buyer": Group(f"{_AGREEMENT}/BuyerTradeParty", _PARTY),
    "payee": Group(f"{_SETTLEMENT}/PayeeTradeParty", _PARTY),
    "tax_representative": Group(f"{_AGREEMENT}/SellerTaxRepresentativeTradeParty", _PARTY),
    "delivery": Group(
        _DELIVERY,
        {
            "name": Value("ShipToTradeParty/Name"),
            "location_id": Value("ShipToTradeParty/ID|ShipToTradeParty/GlobalID"),
            "date": Value("ActualDeliverySupplyChainEvent/OccurrenceDateTime", as_date),
            "address": Group("ShipToTradeParty/PostalTradeAddress", _ADDRESS),
        },
    ),
    "period": Group(f"{_SETTLEMENT}/BillingSpecifiedPeriod", _PERIOD),
    "lines": Groups(LINES_BILLED, _LINE),
    "allowances": Groups(f"{_SETTLEMENT}/{_ALLOWANCES}", _ALLOWANCE_CHARGE),
    "charges": Groups(
        f"{_SETTLEMENT}/{_CHARGES}",
        _ALLOWANCE_CHARGE,
        then=Groups(f"{_SETTLEMENT}/SpecifiedLogisticsServiceCharge", _LOGISTICS_CHARGE),
    ),
    "tax_breakdown": Groups(f"{_SETTLEMENT}/ApplicableTradeTax", _TAX_SUBTOTAL),
    "line_total": Value(f"{_TOTALS}/LineTotalAmount", as_decimal),
    "allowance_total": Value(f"{_TOTALS}/AllowanceTotalAmount", as_decimal),
    "charge_total": Value(f"{_TOTALS}/ChargeTotalAmount", as_decimal),
    "net_total": Value(f"{_TOTALS}/TaxBasisTotalAmount", as_decimal),
    "total": Value(f"{_TOTALS}/GrandTotalAmount", as_decimal),
    "prepaid_amount": Value(f"{_TOTALS}/TotalPrepaidAmount", as_decimal),
    "rounding_amount": Value(f"{_TOTALS}/RoundingAmount", as_decimal),
    "amount_due": Value(f"{_TOTALS}/DuePayableAmount", as_decimal),
    "payment_terms": Joined(f"{_SETTLEMENT}/SpecifiedTradePaymentTerms/Description"),
    "payment_means_code": Value(f"{_MEANS}/TypeCode"),
    "payment_means": Value(f"{_MEANS}/Information"),
    "payment_reference": Value(f"{_SETTLEMENT}/PaymentReference"),
    "payment_accounts": Groups(_MEANS, _ACCOUNT),
    "card_number": Value(f"{_MEANS}/ApplicableTradeSettlementFinancialCard/ID"),
    "card_holder": Value(f"{_MEANS}/ApplicableTradeSettlementFinancialCard/CardholderName"),
    "mandate_reference": Value(f"{_SETTLEMENT}/SpecifiedTradePaymentTerms/DirectDebitMandateID"),
    "creditor_id": Value(f"{_SETTLEMENT}/CreditorReferenceID"),
    "debited_account": Value(f"{_MEANS}/PayerPartyDebtorFinancialAccount/IBANID"),
    "buyer_reference": Value(f"{_AGREEMENT}/BuyerReference"),
    "order_reference": _reference(f"{_AGREEMENT}/BuyerOrderReferencedDocument"),
    "sales_order_reference": _reference(f"{_AGREEMENT}/SellerOrderReferencedDocument"),
    "contract_reference": _reference(f"{_AGREEMENT}/ContractReferencedDocument"),
    "project_reference": Value(f"{_AGREEMENT}/SpecifiedProcuringProject/ID"),
    "receiving_advice_reference": _reference(f"{_DELIVERY}/ReceivingAdviceReferencedDocument"),
    "despatch_advice_reference": _reference(f"{_DELIVERY}/DespatchAdviceReferencedDocument"),
    "tender_reference": _reference(f"{_AGREEMENT}/AdditionalReferencedDocument[TypeCode=50]"),
    "object_id": _reference(f"{_AGREEMENT}/AdditionalReferencedDocument[TypeCode=130]"),
    "accounting_reference": Value(f"{_SETTLEMENT}/ReceivableSpecifiedTradeAccountingAccount/ID"),
    "preceding_invoices": Groups(
        f"{_SETTLEMENT}/InvoiceReferencedDocument",
        {
            "number": Value("IssuerAssignedID"),
            "issue_date": Value("FormattedIssueDateTime", as_date),
        },
    ),
    "attachments": Groups(
        f"{_AGREEMENT}/AdditionalReferencedDocument[TypeCode=916]",
        {
            "id": Value("IssuerAssignedID"),
            "description": Value("Name"),
            "url": Value("URIID"),
            "filename": Value("AttachmentBinaryObject/@filename"),
        },
    ),
    "notes": Values("ExchangedDocument/IncludedNote/Content"),
    "business_process": Value(
        "ExchangedDocumentContext/BusinessProcessSpecifiedDocumentContextParameter/ID"
    ),
    "specification": Value(
        "ExchangedDocumentContext/GuidelineSpecifiedDocumentContextParameter/ID"
    ),
}
