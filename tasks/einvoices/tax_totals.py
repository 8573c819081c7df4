"""Tax totals and their tables: which belong to the invoice, and which only repeat or convert it.

EN 16931 has one total in the currency of the invoice and one in that of the tax. Elsewhere there
is a table to each (PINT), the same total twice (ZATCA), or one total for each kind of tax.
"""

from decimal import Decimal

from pydantic import JsonValue

from tasks.einvoices.mapping import Fields, Node, Trail, Value, as_decimal, find, read_fields

_CURRENCY = "currencyID"


def read_tax_totals(
    amounts: list[Node], values: dict[str, JsonValue], trail: Trail
) -> tuple[dict[str, JsonValue], list[str]]:
    """`tax_total` and `tax_total_in_tax_currency`, and what is not clear about them, for people.

    One without a currency is in that of the invoice.
    """
    currency, tax_currency = values.get("currency"), values.get("tax_currency")
    own = [node for node in amounts if not _foreign(node, currency)]
    foreign = [node for node in amounts if _foreign(node, currency)]
    in_tax_currency = [
        node for node in foreign if tax_currency in (None, node.element.get(_CURRENCY))
    ]
    found: dict[str, JsonValue] = {}
    for name, nodes in (("tax_total", own), ("tax_total_in_tax_currency", in_tax_currency)):
        for node in nodes:
            value = Value(".", as_decimal).read(node, name, trail)
            if value is not None:
                found[name] = value
                break
    different = {Decimal(text) for node in own if (text := as_decimal(node.text or ""))}
    if len(different) < 2:  # noqa: PLR2004
        return found, []
    together = sum((Decimal(as_decimal(node.text or "") or 0) for node in own), Decimal(0))
    if _explains(together, values):
        found["tax_total"] = f"{together:f}"
        return found, []
    if _explains(Decimal(str(found["tax_total"])), values):
        return found, []
    listed = ", ".join(node.text or "" for node in own)
    return found, [f"it has several tax totals ({listed}), and none of them leads to the total"]


def read_breakdown(
    totals: list[Node], fields: Fields, currency: JsonValue, trail: Trail
) -> dict[str, JsonValue]:
    """The rows of all tables in the currency of the invoice; a table that repeats another is
    read once."""
    rows: list[JsonValue] = []
    tables: list[list[JsonValue]] = []
    for total in totals:
        if any(_foreign(amount, currency) for amount in total.children("TaxAmount")):
            continue
        probe = [read_fields(row, fields, "", Trail()) for row in total.children("TaxSubtotal")]
        table: list[JsonValue] = [row for row in probe if row]
        if not table or table in tables:
            continue
        tables.append(table)
        for row in total.children("TaxSubtotal"):
            values = read_fields(row, fields, f"tax_breakdown[{len(rows)}]", trail)
            if values:
                rows.append(values)
    return {"tax_breakdown": rows} if rows else {}


def _foreign(amount: Node, currency: JsonValue) -> bool:
    stated = amount.element.get(_CURRENCY)
    return bool(stated and currency and stated != currency)


def _explains(tax: Decimal, values: dict[str, JsonValue]) -> bool:
    net, total = values.get("net_total"), values.get("total")
    return net is not None and total is not None and Decimal(str(net)) + tax == Decimal(str(total))


def third_party_payments(node: Node) -> Decimal:
    """What the buyer pays here for others, on top of the total (extension of XRechnung)."""
    amounts = (as_decimal(each.text or "") for each in find(node, "PrepaidPayment/PaidAmount"))
    return sum((Decimal(amount) for amount in amounts if amount), Decimal(0))
