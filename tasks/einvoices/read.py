"""Reader of e-invoices: values in the terms of `schemas.invoice.Invoice`, each with its path."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from pydantic import JsonValue

from tasks.einvoices import cii, ubl
from tasks.einvoices.detect import Detected, Syntax, detect
from tasks.einvoices.dialects import is_known, with_net_of_oioubl
from tasks.einvoices.mapping import Node, Trail, find, read_fields
from tasks.einvoices.tax_totals import read_breakdown, read_tax_totals, third_party_payments
from tasks.einvoices.xml_tree import parse_xml


class Profile(StrEnum):
    """How much the rules of the invoice let it carry. Only the two small ones leave out what an
    invoice must say."""

    MINIMUM = "MINIMUM"
    BASIC_WL = "BASIC WL"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class EInvoice:
    """`values` is JSON in the shape of `Invoice`, absent where the XML has nothing; amounts as
    written, dates ISO.

    `paths` has the place in the XML of each value by its dotted field path; `refused` are places
    whose text is no value (a date that does not exist).

    `unclear` says for people what may have been misunderstood. `dialect` is the CustomizationID
    whose rules are not known here. `due_explained` is why the amount due does not follow from the
    other amounts.
    """

    name: str
    profile: Profile
    values: dict[str, JsonValue]
    paths: dict[str, str]
    refused: tuple[str, ...]
    unclear: tuple[str, ...] = ()
    dialect: str | None = None
    due_explained: str | None = None


@dataclass(frozen=True, slots=True)
class NotAnInvoice:
    """Well-formed XML that says something else; `name` says what, for people: "an order
    (Order-X)"."""

    name: str


def read_einvoice(data: bytes) -> EInvoice | NotAnInvoice:
    """Blocking: about 1 ms for an invoice of 20 lines. Raises `UnreadableError` and `LimitError`,
    see `parse_xml`."""
    detected = detect(parse_xml(data))
    if detected.syntax is None:
        return NotAnInvoice(detected.name)
    return _read(detected)


def _read(detected: Detected) -> EInvoice:
    is_cii = detected.syntax is Syntax.CII
    node = Node.of_root(detected.invoice, cii.ALIASES if is_cii else ubl.ALIASES)
    trail = Trail()
    values = read_fields(node, cii.INVOICE if is_cii else ubl.INVOICE, "", trail)
    amounts = find(node, cii.TAX_TOTALS if is_cii else ubl.TAX_TOTALS)
    tax_totals, unclear = read_tax_totals(amounts, values, trail)
    values |= tax_totals
    if not is_cii:
        tables, currency = node.children("TaxTotal"), values.get("currency")
        values |= read_breakdown(tables, ubl.TAX_SUBTOTAL, currency, trail)
        values = with_net_of_oioubl(values, trail)
    values = _without_repeated_name(values, trail)
    taken = set(trail.paths.values())
    refused = tuple(dict.fromkeys(path for path in trail.refused if path not in taken))
    specification = values.get("specification")
    profile = _profile(specification)
    return EInvoice(
        detected.name,
        profile,
        values,
        trail.paths,
        refused,
        unclear=tuple(unclear),
        dialect=None if is_known(specification) else str(specification),
        due_explained=_due_explained(values, profile, third_party_payments(node)),
    )


def _due_explained(
    values: dict[str, JsonValue], profile: Profile, for_others: Decimal
) -> str | None:
    """Why the amount due differs from the total by what has no field of its own; None where it
    does not, or nothing explains it."""
    total, due, prepaid, rounding = (
        Decimal(str(values.get(name) or 0))
        for name in ("total", "amount_due", "prepaid_amount", "rounding_amount")
    )
    if "total" not in values or "amount_due" not in values or due == total - prepaid + rounding:
        return None
    if for_others and due == total - prepaid + rounding + for_others:
        return f"the amount due includes {for_others} that is collected for others"
    if profile is Profile.MINIMUM and 0 <= due < total:
        return (
            f"the amount due is {total - due} below the total; the profile MINIMUM has no field "
            "for what was paid before"
        )
    return None


def _without_repeated_name(values: dict[str, JsonValue], trail: Trail) -> dict[str, JsonValue]:
    """A trading name is one that differs (BT-28); many writers repeat the name there."""
    for role in ("seller", "buyer", "payee", "tax_representative"):
        party = values.get(role)
        if (
            isinstance(party, dict)
            and "trading_name" in party
            and party["trading_name"] == party.get("name")
        ):
            del party["trading_name"]
            del trail.paths[f"{role}.trading_name"]
    return values


def _profile(specification: JsonValue) -> Profile:
    """By the guideline id (BT-24): urn:factur-x.eu:1p0:minimum, urn:zugferd.de:2p0:basicwl, ..."""
    last = str(specification or "").casefold().rpartition(":")[2]
    return {"minimum": Profile.MINIMUM, "basicwl": Profile.BASIC_WL}.get(last, Profile.FULL)
