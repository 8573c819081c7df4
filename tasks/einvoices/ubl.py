"""XML paths of a UBL 2 Invoice or CreditNote: XRechnung in UBL syntax, Peppol BIS Billing 3.

Paths are those of EN 16931-3-2; a credit note names some of the same places differently, see
`ALIASES`.
"""

import re

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

ALIASES = {  # name in a credit note -> name in an invoice
    "CreditNoteTypeCode": "InvoiceTypeCode",
    "CreditNoteLine": "InvoiceLine",
    "CreditedQuantity": "InvoicedQuantity",
}

_SELLER = "AccountingSupplierParty/Party"
_TOTALS = "LegalMonetaryTotal"
TAX_TOTALS = "TaxTotal/TaxAmount"

_IBAN = re.compile(r"[A-Z]{2}\d\d[A-Z0-9]{11,30}")


def as_iban(text: str) -> str | None:
    """An account identifier that has the form of an IBAN, as written; UBL has one element for every
    kind of account."""
    return text if _IBAN.fullmatch(text.replace(" ", "").upper()) else None


def as_other_account(text: str) -> str | None:
    return None if as_iban(text) else text


_OIOUBL_CATEGORIES = {"standardrated": "S", "zerorated": "Z", "reversecharge": "AE"}


def as_tax_category(text: str) -> str:
    """A code of UNCL 5305; OIOUBL writes some of them out."""
    return _OIOUBL_CATEGORIES.get(text.casefold(), text)


_PERIOD: Fields = {"start": Value("StartDate", as_date), "end": Value("EndDate", as_date)}

_ADDRESS: Fields = {
    "lines": Values("StreetName+AdditionalStreetName+AddressLine/Line"),
    "postcode": Value("PostalZone"),
    "city": Value("CityName"),
    "region": Value("CountrySubentity"),
    "country": Value("Country/IdentificationCode"),
}

_PARTY: Fields = {
    "name": Value("PartyLegalEntity/RegistrationName|PartyName/Name"),
    "trading_name": Value(".[PartyLegalEntity/RegistrationName]/PartyName/Name"),
    "vat_id": Value(
        "PartyTaxScheme[TaxScheme/ID=VAT]/CompanyID|PartyTaxScheme[TaxScheme/ID=63]/CompanyID"
    ),  # OIOUBL calls VAT 63
    "tax_number": Value("PartyTaxScheme[TaxScheme/ID!=VAT]/.[TaxScheme/ID!=63]/CompanyID"),
    "registration_id": Value("PartyLegalEntity/CompanyID"),
    "registration_scheme": Value("PartyLegalEntity/CompanyID/@schemeID"),
    "ids": Groups(
        "PartyIdentification/ID[@schemeID!=SEPA]",
        {"value": Value("."), "scheme": Value("@schemeID")},
    ),
    "legal_information": Value("PartyLegalEntity/CompanyLegalForm"),
    "electronic_address": Value("EndpointID"),
    "electronic_address_scheme": Value("EndpointID/@schemeID"),
    "address": Group("PostalAddress", _ADDRESS),
    "contact": Group(
        "Contact",
        {"name": Value("Name"), "phone": Value("Telephone"), "email": Value("ElectronicMail")},
    ),
}

_ALLOWANCE_CHARGE: Fields = {
    "amount": Value("Amount", as_decimal),
    "base_amount": Value("BaseAmount", as_decimal),
    "percentage": Value("MultiplierFactorNumeric", as_decimal),
    "reason": Value("AllowanceChargeReason"),
    "reason_code": Value("AllowanceChargeReasonCode"),
    "tax_category": Value("TaxCategory/ID"),
    "tax_rate": Value("TaxCategory/Percent", as_decimal),
}

_LINE: Fields = {
    "id": Value("ID"),
    "name": Value("Item/Name"),
    "description": Value("Item/Description"),
    "note": Joined("Note"),
    "quantity": Value("InvoicedQuantity", as_decimal),
    "unit": Value("InvoicedQuantity/@unitCode"),
    "unit_price": Value("Price/PriceAmount", as_decimal),
    "price_discount": Value("Price/AllowanceCharge[ChargeIndicator!=true]/Amount", as_decimal),
    "gross_price": Value("Price/AllowanceCharge[ChargeIndicator!=true]/BaseAmount", as_decimal),
    "price_base_quantity": Value("Price/BaseQuantity", as_decimal),
    "price_base_unit": Value("Price/BaseQuantity/@unitCode"),
    "net_amount": Value("LineExtensionAmount", as_decimal),
    "tax_category": Value(
        "Item/ClassifiedTaxCategory/ID|TaxTotal/TaxSubtotal/TaxCategory/ID", as_tax_category
    ),  # the second in UBL 2.0, as OIOUBL has it
    "tax_rate": Value(
        "Item/ClassifiedTaxCategory/Percent|TaxTotal/TaxSubtotal/TaxCategory/Percent", as_decimal
    ),
    "allowances": Groups("AllowanceCharge[ChargeIndicator=false]", _ALLOWANCE_CHARGE),
    "charges": Groups("AllowanceCharge[ChargeIndicator=true]", _ALLOWANCE_CHARGE),
    "period": Group("InvoicePeriod", _PERIOD),
    "seller_item_id": Value("Item/SellersItemIdentification/ID"),
    "buyer_item_id": Value("Item/BuyersItemIdentification/ID"),
    "standard_item_id": Value("Item/StandardItemIdentification/ID"),
    "classifications": Groups(
        "Item/CommodityClassification/ItemClassificationCode",
        {"value": Value("."), "scheme": Value("@listID")},
    ),
    "origin_country": Value("Item/OriginCountry/IdentificationCode"),
    "attributes": Groups(
        "Item/AdditionalItemProperty", {"name": Value("Name"), "value": Value("Value")}
    ),
    "order_line_reference": Value("OrderLineReference/LineID"),
    "object_id": Value("DocumentReference/ID"),
    "accounting_reference": Value("AccountingCost"),
}

TAX_SUBTOTAL: Fields = {
    "category": Value("TaxCategory/ID", as_tax_category),
    "rate": Value("TaxCategory/Percent|Percent", as_decimal),
    "taxable_amount": Value("TaxableAmount", as_decimal),
    "tax_amount": Value("TaxAmount", as_decimal),
    "exemption_reason": Value("TaxCategory/TaxExemptionReason"),
    "exemption_reason_code": Value("TaxCategory/TaxExemptionReasonCode"),
}

INVOICE: Fields = {
    "number": Value("ID"),
    "type_code": Value("InvoiceTypeCode"),
    "issue_date": Value("IssueDate", as_date),
    "due_date": Value("DueDate|PaymentMeans/PaymentDueDate", as_date),
    "tax_point_date": Value("TaxPointDate", as_date),
    "tax_point_code": Value("InvoicePeriod/DescriptionCode"),
    "currency": Value("DocumentCurrencyCode"),
    "tax_currency": Value("TaxCurrencyCode"),
    "seller": Group(_SELLER, _PARTY),
    "buyer": Group("AccountingCustomerParty/Party", _PARTY),
    "payee": Group("PayeeParty", _PARTY),
    "tax_representative": Group("TaxRepresentativeParty", _PARTY),
    "delivery": Group(
        "Delivery",
        {
            "name": Value("DeliveryParty/PartyName/Name"),
            "location_id": Value("DeliveryLocation/ID"),
            "date": Value("ActualDeliveryDate", as_date),
            "address": Group("DeliveryLocation/Address", _ADDRESS),
        },
    ),
    "period": Group("InvoicePeriod", _PERIOD),
    "lines": Groups("InvoiceLine", _LINE),
    "allowances": Groups("AllowanceCharge[ChargeIndicator=false]", _ALLOWANCE_CHARGE),
    "charges": Groups("AllowanceCharge[ChargeIndicator=true]", _ALLOWANCE_CHARGE),
    "line_total": Value(f"{_TOTALS}/LineExtensionAmount", as_decimal),
    "allowance_total": Value(f"{_TOTALS}/AllowanceTotalAmount", as_decimal),
    "charge_total": Value(f"{_TOTALS}/ChargeTotalAmount", as_decimal),
    "net_total": Value(f"{_TOTALS}/TaxExclusiveAmount", as_decimal),
    "total": Value(f"{_TOTALS}/TaxInclusiveAmount", as_decimal),
    "prepaid_amount": Value(f"{_TOTALS}/PrepaidAmount", as_decimal),
    "rounding_amount": Value(f"{_TOTALS}/PayableRoundingAmount", as_decimal),
    "amount_due": Value(f"{_TOTALS}/PayableAmount", as_decimal),
    "payment_terms": Joined("PaymentTerms/Note"),
    "payment_means_code": Value("PaymentMeans/PaymentMeansCode"),
    "payment_means": Value("PaymentMeans/PaymentMeansCode/@name|PaymentMeans/InstructionNote"),
    "payment_reference": Value("PaymentMeans/PaymentID"),
    "payment_accounts": Groups(
        "PaymentMeans/PayeeFinancialAccount",
        {
            "iban": Value("ID", as_iban),
            "account_number": Value("ID", as_other_account),
            "name": Value("Name"),
            "bic": Value(
                "FinancialInstitutionBranch/ID|FinancialInstitutionBranch/FinancialInstitution/ID"
            ),
        },
    ),
    "card_number": Value("PaymentMeans/CardAccount/PrimaryAccountNumberID"),
    "card_holder": Value("PaymentMeans/CardAccount/HolderName"),
    "mandate_reference": Value("PaymentMeans/PaymentMandate/ID"),
    "creditor_id": Value(
        f"{_SELLER}/PartyIdentification/ID[@schemeID=SEPA]|PayeeParty/PartyIdentification/ID[@schemeID=SEPA]"
    ),
    "debited_account": Value("PaymentMeans/PaymentMandate/PayerFinancialAccount/ID"),
    "buyer_reference": Value("BuyerReference"),
    "order_reference": Value("OrderReference/ID"),
    "sales_order_reference": Value("OrderReference/SalesOrderID"),
    "contract_reference": Value("ContractDocumentReference/ID"),
    "project_reference": Value(
        "ProjectReference/ID|AdditionalDocumentReference[DocumentTypeCode=50]/ID"
    ),  # a credit note has only the second
    "receiving_advice_reference": Value("ReceiptDocumentReference/ID"),
    "despatch_advice_reference": Value("DespatchDocumentReference/ID"),
    "tender_reference": Value("OriginatorDocumentReference/ID"),
    "object_id": Value("AdditionalDocumentReference[DocumentTypeCode=130]/ID"),
    "accounting_reference": Value("AccountingCost"),
    "preceding_invoices": Groups(
        "BillingReference/InvoiceDocumentReference+BillingReference/CreditNoteDocumentReference",
        {"number": Value("ID"), "issue_date": Value("IssueDate", as_date)},
    ),
    "attachments": Groups(
        "AdditionalDocumentReference[DocumentTypeCode!=130]/.[DocumentTypeCode!=50]",
        {
            "id": Value("ID"),
            "description": Value("DocumentDescription"),
            "url": Value("Attachment/ExternalReference/URI"),
            "filename": Value("Attachment/EmbeddedDocumentBinaryObject/@filename"),
        },
    ),
    "notes": Values("Note"),
    "business_process": Value("ProfileID"),
    "specification": Value("CustomizationID"),
}
