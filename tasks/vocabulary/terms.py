"""Fields of a user's schema as terms of an invoice.

By name: `grand_total` and `totals.gross` are both `total`.

Terms are the dotted paths of `schemas.invoice.Invoice`. Names are compared without case and
underscores, so `invoiceNumber` is `invoice_number`.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

from pydantic import JsonValue

_SYNONYMS: dict[
    str, dict[str, str]
] = {  # kind of object -> term -> other names, the commonest first
    "invoice": {
        "number": "invoice_number invoice_no invoice_num invoice_id document_number bill_number "
        "receipt_number",
        "issue_date": "invoice_date date date_of_issue issued_on document_date bill_date",
        "due_date": "payment_due_date date_due",
        "currency": "currency_code",
        "seller": "supplier vendor issuer company merchant",
        "seller.name": "seller_name supplier_name vendor_name issuer_name company_name "
        "merchant_name",
        "seller.vat_id": "vat_id vat_number vat_no seller_vat_id seller_vat_number supplier_vat_id "
        "supplier_vat_number vendor_vat_id tax_id",
        "seller.tax_number": "tax_number seller_tax_number supplier_tax_number tax_id",
        "seller.address": "address seller_address supplier_address vendor_address company_address",
        "buyer": "customer client recipient bill_to",
        "buyer.name": "buyer_name customer_name client_name",
        "buyer.vat_id": "buyer_vat_id buyer_vat_number customer_vat_id customer_vat_number",
        "buyer.address": "buyer_address customer_address billing_address",
        "lines": "line_items items positions invoice_lines",
        "tax_breakdown": "taxes vat_breakdown tax_lines tax_subtotals",
        "line_total": "lines_total total_lines",
        "allowance_total": "discount discount_total total_discount",
        "charge_total": "charges_total surcharge_total",
        "net_total": "net subtotal sub_total net_amount total_net total_excl_tax total_without_tax "
        "tax_exclusive_amount",
        "tax_total": "tax vat total_tax tax_amount vat_amount total_vat vat_total sales_tax gst",
        "total": "grand_total total_amount gross gross_total total_gross amount_total "
        "invoice_total total_incl_tax total_with_tax gross_amount",
        "prepaid_amount": "prepaid amount_paid paid_amount",
        "rounding_amount": "rounding",
        "amount_due": "due_payable balance_due due_amount total_due amount_payable payable_amount",
        "payment_accounts[0].iban": "iban seller_iban",
        "payment_accounts[0].bic": "bic swift swift_code",
        "order_reference": "po_number purchase_order purchase_order_number order_id order_number",
        "contract_reference": "contract_number contract_num",
        "delivery.date": "delivery_date date_of_delivery",
        "notes": "note remarks",
    },
    "party": {
        "name": "company company_name legal_name",
        "vat_id": "vat_number vat_no vat tax_id",
        "tax_number": "tax_no tax_id",
        "contact.email": "email",
        "contact.phone": "phone telephone",
        "address.lines[0]": "street",
        "address.postcode": "postcode postal_code zip zip_code",
        "address.city": "city",
        "address.country": "country country_code",
    },
    "address": {
        "lines": "street address_lines",
        "postcode": "postal_code zip zip_code",
        "region": "state province",
        "country": "country_code",
    },
    "line": {
        "id": "line_number line_no position pos",
        "name": "item product product_name article description",
        "quantity": "qty",
        "unit": "uom unit_of_measure",
        "unit_price": "price price_per_unit",
        "net_amount": "amount line_total line_amount total total_price net",
        "tax_rate": "vat_rate vat_percent tax_percent",
        "seller_item_id": "sku article_number item_number product_code",
    },
    "tax": {
        "rate": "tax_rate vat_rate percent percentage",
        "taxable_amount": "base base_amount net net_amount taxable",
        "tax_amount": "tax vat vat_amount amount",
    },
}

# last name of a term -> the kind of object it holds; other objects have only their own names
_KINDS = {
    "seller": "party",
    "buyer": "party",
    "payee": "party",
    "tax_representative": "party",
    "address": "address",
    "lines": "line",
    "tax_breakdown": "tax",
}

_GROUPS = frozenset(
    (
        "invoice",
        "header",
        "totals",
        "amounts",
        "summary",
        "payment",
        "bank",
        "bankdetails",
        "paymentdetails",
        "dates",
    )
)
"""Objects that only group terms of what they stand in, such as `totals: {net, tax, gross}`."""


def compact(name: str) -> str:
    return name.replace("_", "").replace("-", "").casefold()


def kind_of(term: str) -> str:
    return _KINDS.get(term.rpartition(".")[2], term)


def groups_terms(name: str) -> bool:
    return compact(name) in _GROUPS


@cache
def _terms_by_name(kind: str) -> Mapping[str, tuple[str, ...]]:
    terms: dict[str, list[str]] = {}
    for term, names in _SYNONYMS.get(kind, {}).items():
        for name in (term, *names.split()):
            terms.setdefault(compact(name), []).append(term)
    return {name: tuple(found) for name, found in terms.items()}


def terms_of(kind: str, name: str) -> tuple[str, ...]:
    """Terms that a field of this name in an object of this kind can mean, the likeliest first; its
    own name always is one."""
    others = _terms_by_name(kind).get(compact(name), ())
    return tuple(
        dict.fromkeys((*(term for term in others if compact(term) == compact(name)), name, *others))
    )


class Found(NamedTuple):
    """A value of a record and its dotted path there."""

    path: str
    value: JsonValue


def invoice_terms(record: Mapping[str, JsonValue]) -> dict[str, Found]:
    """What a record of any schema says in the terms of an invoice; nulls are left out. Lists stay
    lists, of `lines` and the like."""
    found: dict[str, Found] = {}
    for term, value in _terms_in(record, "invoice", "", ""):
        found.setdefault(term, value)
    return found


def _terms_in(
    values: Mapping[str, JsonValue], kind: str, prefix: str, at: str
) -> Iterator[tuple[str, Found]]:
    for name, value in values.items():
        if value is None:
            continue
        path = f"{at}.{name}" if at else name
        if isinstance(value, dict) and groups_terms(name):
            yield from _terms_in(value, kind, prefix, path)
            continue
        known = _terms_by_name(kind).get(compact(name), ())
        term = prefix + (known[0] if known else name)
        if isinstance(value, dict):
            yield from _terms_in(value, kind_of(term), f"{term}.", path)
        elif kind_of(term) == "party" and isinstance(value, str):
            yield f"{term}.name", Found(path, value)
        else:
            yield term, Found(path, value)


def item_terms(item: JsonValue, kind: str, at: str) -> dict[str, Found]:
    """The same for one item of a list; `kind` is `line` or `tax`."""
    found: dict[str, Found] = {}
    for term, value in _terms_in(item, kind, "", at) if isinstance(item, dict) else ():
        found.setdefault(term, value)
    return found
