"""Rules by CustomizationID and profile: what an element means in an invoice that is not plain
EN 16931."""

import re
from decimal import Decimal

from pydantic import JsonValue

from tasks.einvoices.mapping import Trail

_KNOWN = re.compile(  # of BT-24, or CustomizationID
    r"en16931|factur-?x|zugferd|ferd:|xrechnung|peppol|pint|oioubl|biitrns|nlcius|^reporting:1",
    re.IGNORECASE,
)
_OIOUBL = re.compile(r"oioubl", re.IGNORECASE)


def is_known(specification: JsonValue) -> bool:
    """Whether its rules are among those that the tables of paths were written by. An invoice that
    names none is taken for plain."""
    return specification is None or bool(_KNOWN.search(str(specification)))


def with_net_of_oioubl(values: dict[str, JsonValue], trail: Trail) -> dict[str, JsonValue]:
    """`TaxExclusiveAmount` is the tax in OIOUBL; the net total has no element there and is lines
    - allowances + charges."""
    lines, stated = values.get("line_total"), values.get("net_total")
    if lines is None or not _OIOUBL.search(str(values.get("specification"))):
        return values
    total = _amount(values.get("total"))
    net = (
        _amount(lines)
        - _amount(values.get("allowance_total"))
        + _amount(values.get("charge_total"))
    )
    tax = _amount(values.get("tax_total"))
    if stated is not None and _amount(stated) + tax == total:
        return values  # written as in EN 16931 after all
    if stated is not None and _amount(stated) != tax:
        return values  # neither meaning: the sums will say so
    trail.paths["net_total"] = trail.paths["line_total"]
    return {**values, "net_total": f"{net:f}"}


def _amount(value: JsonValue) -> Decimal:
    return Decimal(0) if value is None else Decimal(str(value))
