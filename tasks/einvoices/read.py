"""Reader of e-invoices: values in the terms of `schemas.invoice.Invoice`, each with its path."""

from dataclasses import dataclass
from enum import StrEnum

from pydantic import JsonValue

from tasks.einvoices import cii, ubl
from tasks.einvoices.detect import Detected, Syntax, detect
from tasks.einvoices.mapping import Node, Trail, Value, as_decimal, find, read_fields
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
    """

    name: str
    profile: Profile
    values: dict[str, JsonValue]
    paths: dict[str, str]
    refused: tuple[str, ...]


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
    values |= _tax_totals(node, cii.TAX_TOTALS if is_cii else ubl.TAX_TOTALS, values, trail)
    values = _without_repeated_name(values, trail)
    taken = set(trail.paths.values())
    refused = tuple(dict.fromkeys(path for path in trail.refused if path not in taken))
    return EInvoice(
        detected.name, _profile(values.get("specification")), values, trail.paths, refused
    )


def _tax_totals(
    node: Node, path: str, values: dict[str, JsonValue], trail: Trail
) -> dict[str, JsonValue]:
    """BT-110 and BT-111 are the same element, told apart by the currency; one without a currency is
    in that of the invoice."""
    currency, tax_currency = values.get("currency"), values.get("tax_currency")
    found: dict[str, JsonValue] = {}
    for amount in find(node, path):
        in_currency = amount.element.get("currencyID")
        foreign = in_currency is not None and in_currency == tax_currency != currency
        name = "tax_total_in_tax_currency" if foreign else "tax_total"
        if name not in found:
            value = Value(".", as_decimal).read(amount, name, trail)
            found |= {} if value is None else {name: value}
    return found


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
