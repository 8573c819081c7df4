"""Rules about sums: lines, discounts, tax, total, amount due.

The equations are those of EN 16931-1, rules BR-CO-10 to BR-CO-17, and a rule is silent where one of
its amounts was not found. Sums of printed amounts may differ by one smallest unit of the currency,
or half a unit for each amount added up.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from schemas.record import Finding
from tasks.rules.facts import Facts, item_amount
from tasks.rules.values import as_amount
from tasks.standards.currencies import cash_rounding
from tasks.vocabulary.records import Found

_ZERO = Decimal(0)
_HUNDRED = Decimal(100)


def sums(facts: Facts) -> Iterator[Finding]:
    for rule in (_lines, _line_products, _net_total, _total, _tax_breakdown, _amount_due):
        yield from rule(facts)


def _tolerance(facts: Facts, terms: int = 2) -> Decimal:
    return max(facts.unit, facts.unit * terms / 2)


def _near_any(value: Decimal, others: Iterable[Decimal], tolerance: Decimal) -> bool:
    return any(abs(value - other) <= tolerance for other in others)


def _or_zero(facts: Facts, term: str) -> Decimal:
    return facts.amount(term) or _ZERO


def _allowance_total(facts: Facts, total: str, items: str) -> Decimal:
    """The total as printed, else the sum of the single ones."""
    printed = facts.amount(total)
    if printed is not None:
        return printed
    return sum(
        (item_amount(item, "amount") or _ZERO for item in facts.items(items, "charge")), _ZERO
    )


def _discounts(facts: Facts) -> Decimal:
    """What the whole invoice takes off its lines, extra costs counted against it."""
    return _allowance_total(facts, "allowance_total", "allowances") - _allowance_total(
        facts, "charge_total", "charges"
    )


def _lines(facts: Facts) -> Iterator[Finding]:
    """BR-CO-10. Lines are net amounts, or on many receipts and shop invoices amounts with tax."""
    amounts = [item_amount(item, "net_amount") for item in facts.items("lines", "line")]
    known = [amount for amount in amounts if amount is not None]
    if not known or len(known) < len(amounts):
        return
    line_total, net, total = (
        facts.amount("line_total"),
        facts.amount("net_total"),
        facts.amount("total"),
    )
    expected = [] if line_total is None else [line_total]
    expected += [] if net is None else [net + _discounts(facts), net]
    expected += (
        []
        if total is None
        else [total + _discounts(facts), total, total - _or_zero(facts, "rounding_amount")]
    )
    found = sum(known, _ZERO)
    if expected and not _near_any(found, expected, _tolerance(facts, len(known) + 1)):
        message = (
            f"the lines add up to {found}, which is neither the net total ({expected[0]}) nor the "
            "total"
        )
        yield Finding(
            code="lines_do_not_add_up",
            message=message,
            fields=facts.paths("lines", "line_total", "net_total", "total"),
        )


def _line_products(facts: Facts) -> Iterator[Finding]:
    """A note only: unit prices are printed rounded, and paper has discounts that a schema has no
    field for."""
    for item in facts.items("lines", "line"):
        quantity, price, amount = (
            item_amount(item, term) for term in ("quantity", "unit_price", "net_amount")
        )
        if quantity is None or price is None or amount is None:
            continue
        exact = quantity * price / (item_amount(item, "price_base_quantity") or Decimal(1))
        product = exact - _sum_of(item, "allowances") + _sum_of(item, "charges")
        with_tax = product * (1 + (item_amount(item, "tax_rate") or _ZERO) / _HUNDRED)
        last_digit = min(
            Decimal(1).scaleb(int(price.as_tuple().exponent)), facts.unit
        )  # JSON numbers have lost their zeros
        rounding = abs(quantity) * last_digit / 2
        if not _near_any(amount, (product, with_tax), facts.unit + rounding):
            message = f"{quantity} x {price} is {product.normalize():f}, but the line says {amount}"
            yield Finding(
                code="line_does_not_multiply",
                message=message,
                fields=_paths(item, "quantity", "unit_price", "net_amount"),
                weight="note",
            )


def _sum_of(item: dict[str, Found], term: str) -> Decimal:
    found = item.get(term)
    parts = found.value if found and isinstance(found.value, list) else []
    return sum(
        (as_amount(part.get("amount")) or _ZERO for part in parts if isinstance(part, dict)), _ZERO
    )


def _paths(item: dict[str, Found], *terms: str) -> tuple[str, ...]:
    return tuple(item[term].path for term in terms if term in item)


def _net_total(facts: Facts) -> Iterator[Finding]:
    """BR-CO-13. Shops print lines and their sum with tax; then it is the total that follows from
    them."""
    line_total, net, total = (
        facts.amount("line_total"),
        facts.amount("net_total"),
        facts.amount("total"),
    )
    if line_total is None or net is None:
        return
    expected = line_total - _discounts(facts)
    if not _near_any(expected, (net,) if total is None else (net, total), _tolerance(facts, 3)):
        message = f"lines, discounts and extra costs make {expected}, but the net total is {net}"
        fields = facts.paths("line_total", "allowance_total", "charge_total", "net_total")
        yield Finding(code="net_total_disagrees", message=message, fields=fields)


def _total(facts: Facts) -> Iterator[Finding]:
    """BR-CO-15. Tills round the total itself, and shops take discounts off after the net total."""
    net, tax, total = facts.amount("net_total"), facts.amount("tax_total"), facts.amount("total")
    if net is None or tax is None or total is None:
        return
    expected = [net + tax]
    if facts.amount("amount_due") is None:
        expected.append(net + tax + _or_zero(facts, "rounding_amount"))
    if facts.amount("line_total") is None:
        expected.append(net + tax - _discounts(facts))
    if not _near_any(
        total, expected, max(_tolerance(facts), cash_rounding(facts.text("currency")))
    ):
        message = f"net {net} and tax {tax} make {net + tax}, but the total is {total}"
        yield Finding(
            code="total_disagrees",
            message=message,
            fields=facts.paths("net_total", "tax_total", "total"),
        )


def _tax_breakdown(facts: Facts) -> Iterator[Finding]:
    """BR-CO-14, BR-CO-17 and the sum of the bases. Tax may have been rounded line by line."""
    rows = facts.items("tax_breakdown", "tax")
    lines = len(facts.items("lines", "line"))
    for row in rows:
        rate, base, tax = (
            item_amount(row, term) for term in ("rate", "taxable_amount", "tax_amount")
        )
        if rate is None or base is None or tax is None:
            continue
        exact = base * rate / _HUNDRED
        if not _near_any(tax, (exact,), _tolerance(facts, max(2, lines))):
            message = f"{rate} % of {base} is {exact.quantize(facts.unit)}, but the tax is {tax}"
            yield Finding(
                code="tax_rate_disagrees",
                message=message,
                fields=_paths(row, "rate", "taxable_amount", "tax_amount"),
            )
    for term, total in (("tax_amount", "tax_total"), ("taxable_amount", "net_total")):
        parts = [item_amount(row, term) for row in rows]
        known = [part for part in parts if part is not None]
        printed = facts.amount(total)
        if printed is None or not known or len(known) < len(parts):
            continue
        if not _near_any(sum(known, _ZERO), (printed,), _tolerance(facts, len(known) + 1)):
            message = f"the tax table adds up to {sum(known, _ZERO)}, but {total} is {printed}"
            yield Finding(
                code="tax_table_disagrees",
                message=message,
                fields=facts.paths("tax_breakdown", total),
            )


def _amount_due(facts: Facts) -> Iterator[Finding]:
    """BR-CO-16."""
    total, due = facts.amount("total"), facts.amount("amount_due")
    if total is None or due is None or facts.due_explained:
        return
    expected = total - _or_zero(facts, "prepaid_amount") + _or_zero(facts, "rounding_amount")
    if not _near_any(
        due, (expected,), max(_tolerance(facts), cash_rounding(facts.text("currency")))
    ):
        message = (
            f"total, prepayment and rounding leave {expected} to pay, but the amount due is {due}"
        )
        fields = facts.paths("total", "prepaid_amount", "rounding_amount", "amount_due")
        yield Finding(code="amount_due_disagrees", message=message, fields=fields)
