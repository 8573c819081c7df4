"""Invoice: the terms of EN 16931, the European norm, in plain names.

Point a flow at it (`summarise: {schema: schemas/invoice.py:Invoice}`), or copy it and change the
copy: it needs pydantic and nothing else. Each description carries the number of the norm's term:
BT-n for a value, BG-n for a group. Amounts are decimals in the invoice's currency, dates are ISO
8601, percentages are out of 100. Only what every invoice in the world has is required; a field that
the paper does not have stays empty.
"""

from datetime import date as Date  # noqa: N812 - `Delivery` has a field called `date`
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field


class InvoicePart(BaseModel):
    model_config = ConfigDict(frozen=True)


class Identifier(InvoicePart):
    """A number that somebody keeps a register of."""

    value: str = Field(description="The identifier itself")
    scheme: str | None = Field(
        None, description="Register it belongs to: ISO 6523 code such as 0088 for GLN, or a name"
    )


class Address(InvoicePart):
    lines: tuple[str, ...] = Field(
        (), description="Street, house number, building: one entry a line (BT-35, 36, 162)"
    )
    postcode: str | None = Field(None, description="Post code (BT-38)")
    city: str | None = Field(None, description="City (BT-37)")
    region: str | None = Field(None, description="State, province or county (BT-39)")
    country: str | None = Field(
        None, description="Country, as ISO 3166-1 code of two letters where known (BT-40)"
    )


class Contact(InvoicePart):
    name: str | None = Field(None, description="Person or department (BT-41)")
    phone: str | None = Field(None, description="Telephone number (BT-42)")
    email: str | None = Field(None, description="E-mail address (BT-43)")


class Party(InvoicePart):
    """A company or person: buyer, payee or tax representative. The numbers are those of the seller;
    the buyer's are BT-44 to BT-58."""

    name: str | None = Field(None, description="Full legal name (BT-27)")
    trading_name: str | None = Field(
        None, description="Name it is known by, where it differs (BT-28)"
    )
    vat_id: str | None = Field(
        None, description="VAT identifier with country prefix, such as FR12345678901 (BT-31)"
    )
    tax_number: str | None = Field(
        None, description="Local tax number that is not the VAT identifier (BT-32)"
    )
    registration_id: str | None = Field(None, description="Company register number (BT-30)")
    registration_scheme: str | None = Field(None, description="Register of registration_id")
    ids: tuple[Identifier, ...] = Field(
        (), description="Further identifiers: supplier or customer number, GLN (BT-29)"
    )
    legal_information: str | None = Field(
        None, description="Further legal notice, such as share capital (BT-33)"
    )
    electronic_address: str | None = Field(
        None, description="Address for electronic invoices, such as a Peppol id (BT-34)"
    )
    electronic_address_scheme: str | None = Field(
        None, description="Scheme of electronic_address: EAS code, EM for e-mail"
    )
    address: Address | None = Field(None, description="Postal address (BG-5)")
    contact: Contact | None = Field(None, description="Whom to ask (BG-6)")


class Seller(Party):
    """Who issues the invoice and is to be paid."""

    name: str = Field(description="Full legal name of the seller, who issues the invoice (BT-27)")


class Period(InvoicePart):
    start: Date | None = Field(None, description="First day (BT-73)")
    end: Date | None = Field(None, description="Last day (BT-74)")


class Delivery(InvoicePart):
    name: str | None = Field(None, description="Who receives the goods (BT-70)")
    location_id: str | None = Field(None, description="Identifier of the place (BT-71)")
    date: Date | None = Field(None, description="Day of delivery (BT-72)")
    address: Address | None = Field(None, description="Where the goods go (BG-15)")


class AllowanceCharge(InvoicePart):
    """A discount (in `allowances`) or an extra cost (in `charges`). The amount is positive in
    both."""

    amount: Decimal = Field(description="Amount without tax (BT-92, BT-99)")
    base_amount: Decimal | None = Field(
        None, description="Amount that the percentage is of (BT-93, BT-100)"
    )
    percentage: Decimal | None = Field(
        None, description="Percentage of the base amount (BT-94, BT-101)"
    )
    reason: str | None = Field(None, description="Why, such as Freight (BT-97, BT-104)")
    reason_code: str | None = Field(
        None, description="Why, as UNCL 5189 or 7161 code (BT-98, BT-105)"
    )
    tax_category: str | None = Field(None, description="Tax category code (BT-95, BT-102)")
    tax_rate: Decimal | None = Field(None, description="Tax rate in percent (BT-96, BT-103)")


class ItemAttribute(InvoicePart):
    name: str = Field(description="Property of the item, such as Colour (BT-160)")
    value: str = Field(description="Its value (BT-161)")


class InvoiceLine(InvoicePart):
    """One billed position (BG-25). net_amount = quantity x unit_price / price_base_quantity +
    charges - allowances."""

    id: str | None = Field(None, description="Line number (BT-126)")
    name: str | None = Field(None, description="Item name (BT-153)")
    description: str | None = Field(None, description="Longer description of the item (BT-154)")
    note: str | None = Field(None, description="Remark on this line (BT-127)")
    quantity: Decimal | None = Field(None, description="Quantity billed (BT-129)")
    unit: str | None = Field(
        None, description="Unit of the quantity, as printed or as UN/ECE code (BT-130)"
    )
    unit_price: Decimal | None = Field(
        None, description="Price of one price_base_quantity without tax, after discount (BT-146)"
    )
    price_discount: Decimal | None = Field(
        None, description="Discount already taken off unit_price (BT-147)"
    )
    gross_price: Decimal | None = Field(
        None, description="Unit price before that discount (BT-148)"
    )
    price_base_quantity: Decimal | None = Field(
        None, description="Number of units that unit_price is for; 1 when empty (BT-149)"
    )
    price_base_unit: str | None = Field(None, description="Unit of price_base_quantity (BT-150)")
    net_amount: Decimal | None = Field(None, description="Line total without tax (BT-131)")
    tax_category: str | None = Field(
        None,
        description="Tax category code: S standard, Z zero, E exempt, AE reverse charge (BT-151)",
    )
    tax_rate: Decimal | None = Field(None, description="Tax rate in percent (BT-152)")
    allowances: tuple[AllowanceCharge, ...] = Field(
        (), description="Discounts on this line (BG-27)"
    )
    charges: tuple[AllowanceCharge, ...] = Field((), description="Extra costs on this line (BG-28)")
    period: Period | None = Field(None, description="Period this line is for (BG-26)")
    seller_item_id: str | None = Field(None, description="Seller's article number (BT-155)")
    buyer_item_id: str | None = Field(None, description="Buyer's article number (BT-156)")
    standard_item_id: str | None = Field(
        None, description="Registered article number, such as a GTIN (BT-157)"
    )
    classifications: tuple[Identifier, ...] = Field(
        (), description="Classes of the item, such as CPV or UNSPSC (BT-158)"
    )
    origin_country: str | None = Field(None, description="Country of origin (BT-159)")
    attributes: tuple[ItemAttribute, ...] = Field((), description="Further properties (BG-32)")
    order_line_reference: str | None = Field(
        None, description="Line of the purchase order (BT-132)"
    )
    object_id: str | None = Field(
        None, description="What the line is about, such as a meter number (BT-128)"
    )
    accounting_reference: str | None = Field(None, description="Buyer's booking account (BT-133)")


class TaxSubtotal(InvoicePart):
    """One row of the tax table: everything billed at one rate (BG-23)."""

    category: str | None = Field(
        None,
        description="Tax category code: S standard, Z zero, E exempt, AE reverse charge (BT-118)",
    )
    rate: Decimal | None = Field(None, description="Tax rate in percent (BT-119)")
    taxable_amount: Decimal | None = Field(
        None, description="Sum without tax at this rate (BT-116)"
    )
    tax_amount: Decimal | None = Field(None, description="Tax at this rate (BT-117)")
    exemption_reason: str | None = Field(None, description="Why no tax is due (BT-120)")
    exemption_reason_code: str | None = Field(
        None, description="Why no tax is due, as VATEX code (BT-121)"
    )


class PaymentAccount(InvoicePart):
    """Where to pay to by transfer (BG-17)."""

    iban: str | None = Field(None, description="IBAN (BT-84)")
    account_number: str | None = Field(
        None, description="Account number where it is not an IBAN (BT-84)"
    )
    name: str | None = Field(None, description="Holder of the account (BT-85)")
    bic: str | None = Field(None, description="BIC or routing number of the bank (BT-86)")


class PrecedingInvoice(InvoicePart):
    number: str = Field(
        description="Number of an earlier invoice that this one corrects or settles (BT-25)"
    )
    issue_date: Date | None = Field(None, description="Its date (BT-26)")


class Attachment(InvoicePart):
    """A document that comes with the invoice (BG-24). The file itself is not part of the record."""

    id: str | None = Field(None, description="Identifier of the document (BT-122)")
    description: str | None = Field(None, description="What it is (BT-123)")
    url: str | None = Field(None, description="Where it lies (BT-124)")
    filename: str | None = Field(None, description="Name of the embedded file (BT-125)")


class Invoice(InvoicePart):
    """An invoice or credit note. A credit note is known by its type_code (381) and has positive
    amounts."""

    number: str = Field(description="Invoice number (BT-1)")
    type_code: str | None = Field(
        None,
        description="UNCL 1001 code: 380 invoice, 381 credit note, 384 corrected invoice, 389 "
        "self-billed (BT-3)",
    )
    issue_date: Date = Field(description="Invoice date, when it was issued (BT-2)")
    due_date: Date | None = Field(None, description="Due date, the last day to pay (BT-9)")
    tax_point_date: Date | None = Field(
        None, description="Date on which the tax becomes due, where it is not the issue date (BT-7)"
    )
    tax_point_code: str | None = Field(
        None, description="Event that makes the tax due, as code (BT-8)"
    )
    currency: str | None = Field(None, description="Currency as ISO 4217 code, such as EUR (BT-5)")
    tax_currency: str | None = Field(
        None, description="Currency the tax is accounted in, where it differs (BT-6)"
    )

    seller: Seller = Field(description="Who issues the invoice (BG-4)")
    buyer: Party | None = Field(None, description="Who is billed (BG-7)")
    payee: Party | None = Field(None, description="Who is paid, where it is not the seller (BG-10)")
    tax_representative: Party | None = Field(
        None, description="Seller's tax representative (BG-11)"
    )
    delivery: Delivery | None = Field(None, description="Delivery of the goods or service (BG-13)")
    period: Period | None = Field(None, description="Period the invoice is for (BG-14)")

    lines: tuple[InvoiceLine, ...] = Field(
        (), description="Billed positions, in the order of the invoice (BG-25)"
    )
    allowances: tuple[AllowanceCharge, ...] = Field(
        (), description="Discounts on the whole invoice (BG-20)"
    )
    charges: tuple[AllowanceCharge, ...] = Field(
        (), description="Extra costs on the whole invoice, such as freight (BG-21)"
    )
    tax_breakdown: tuple[TaxSubtotal, ...] = Field(
        (), description="Tax table, one row a rate (BG-23)"
    )

    line_total: Decimal | None = Field(None, description="Sum of the lines without tax (BT-106)")
    allowance_total: Decimal | None = Field(
        None, description="Sum of the discounts on the whole invoice (BT-107)"
    )
    charge_total: Decimal | None = Field(
        None, description="Sum of the extra costs on the whole invoice (BT-108)"
    )
    net_total: Decimal | None = Field(
        None, description="Total without tax: line_total - allowance_total + charge_total (BT-109)"
    )
    tax_total: Decimal | None = Field(None, description="Total tax (BT-110)")
    tax_total_in_tax_currency: Decimal | None = Field(
        None, description="Total tax in tax_currency (BT-111)"
    )
    total: Decimal = Field(description="Invoice total with tax: net_total + tax_total (BT-112)")
    prepaid_amount: Decimal | None = Field(None, description="Already paid (BT-113)")
    rounding_amount: Decimal | None = Field(
        None, description="Added to round the amount due (BT-114)"
    )
    amount_due: Decimal | None = Field(
        None, description="Left to pay: total - prepaid_amount + rounding_amount (BT-115)"
    )

    payment_terms: str | None = Field(None, description="Payment terms in words (BT-20)")
    payment_means_code: str | None = Field(
        None,
        description="How to pay, UNCL 4461 code: 30 or 58 transfer, 48 card, 59 direct debit "
        "(BT-81)",
    )
    payment_means: str | None = Field(None, description="How to pay, in words (BT-82)")
    payment_reference: str | None = Field(
        None, description="Reference to quote when paying (BT-83)"
    )
    payment_accounts: tuple[PaymentAccount, ...] = Field(
        (), description="Accounts to pay to (BG-17)"
    )
    card_number: str | None = Field(None, description="Last digits of the card that paid (BT-87)")
    card_holder: str | None = Field(None, description="Holder of that card (BT-88)")
    mandate_reference: str | None = Field(None, description="Direct debit mandate (BT-89)")
    creditor_id: str | None = Field(None, description="Direct debit creditor identifier (BT-90)")
    debited_account: str | None = Field(None, description="IBAN that will be debited (BT-91)")

    buyer_reference: str | None = Field(
        None, description="Buyer's reference, such as a Leitweg-ID or a cost centre (BT-10)"
    )
    order_reference: str | None = Field(None, description="Purchase order number (BT-13)")
    sales_order_reference: str | None = Field(None, description="Seller's order number (BT-14)")
    contract_reference: str | None = Field(None, description="Contract number (BT-12)")
    project_reference: str | None = Field(None, description="Project number (BT-11)")
    receiving_advice_reference: str | None = Field(
        None, description="Receiving advice number (BT-15)"
    )
    despatch_advice_reference: str | None = Field(None, description="Delivery note number (BT-16)")
    tender_reference: str | None = Field(None, description="Call for tender or lot (BT-17)")
    object_id: str | None = Field(
        None,
        description="What the invoice is about, such as a subscription or meter number (BT-18)",
    )
    accounting_reference: str | None = Field(None, description="Buyer's booking account (BT-19)")
    preceding_invoices: tuple[PrecedingInvoice, ...] = Field(
        (), description="Earlier invoices this one refers to (BG-3)"
    )
    attachments: tuple[Attachment, ...] = Field((), description="Supporting documents (BG-24)")
    notes: tuple[str, ...] = Field((), description="Remarks on the whole invoice (BT-22)")
    business_process: str | None = Field(
        None, description="Process an electronic invoice belongs to; never printed (BT-23)"
    )
    specification: str | None = Field(
        None, description="Rules an electronic invoice follows; never printed (BT-24)"
    )
