"""The rules on schemas in six languages: the names differ, the findings do not."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, Field, create_model

from tasks.record_schema.shape import names_in
from tasks.rules.dates import dates
from tasks.rules.facts import Facts
from tasks.rules.identifiers import identifiers
from tasks.rules.sums import sums

TODAY = date(2026, 3, 1)
NAMES = {  # net, tax, total, issued, due, IBAN, VAT id of the seller
    "en": "net_total tax_total total issue_date due_date iban vat_id",
    "de": "netto mwst gesamtbetrag rechnungsdatum faelligkeitsdatum iban ust_id",
    "de, other words": "nettobetrag umsatzsteuer bruttobetrag belegdatum fällig_am iban ustid_nr",
    "fr": "montant_ht montant_tva total_ttc date_facture date_echeance iban numero_tva",
    "nl": "totaal_excl_btw btw totaal_incl_btw factuurdatum vervaldatum iban btw_nummer",
    "es": "base_imponible iva total_factura fecha_factura fecha_vencimiento iban nif_iva",
    "it": "imponibile iva totale data_fattura data_scadenza iban partita_iva",
}
VALUES = ("100.00", "19.00", "150.00", "2024-05-01", "2024-01-01", "DE02", "DE12")
CODES = ["total_disagrees", "due_before_issue", "iban_invalid", "vat_id_invalid"]


def codes(facts: Facts) -> list[str]:
    return [found.code for rule in (sums, dates, identifiers) for found in rule(facts)]


@pytest.mark.parametrize("language", NAMES)
def test_the_same_rules_are_broken_in_every_language(language: str) -> None:
    names = NAMES[language].split()
    record: dict[str, Any] = dict(zip(names, VALUES, strict=True))
    assert codes(Facts(record, frozenset(), TODAY)) == CODES
    types: list[Any] = [Decimal] * 3 + [date] * 2 + [str] * 2
    fields: dict[str, Any] = {name: (type_, ...) for name, type_ in zip(names, types, strict=True)}
    schema = create_model("Rechnung", **fields)
    assert codes(Facts(record, frozenset(), TODAY, names_in(schema))) == CODES


def test_nested_parts_and_lists_have_names_in_other_languages_too() -> None:
    record: dict[str, Any] = {
        "lieferant": {"name": "ACME", "ustid": "DE12", "anschrift": {"ort": "Köln"}},
        "positionen": [{"bezeichnung": "a", "menge": 2, "einzelpreis": 5, "betrag": 11}],
        "summen": {"netto": 11, "mwst": 1, "brutto": 13},
    }
    facts = Facts(record, frozenset(), TODAY)
    assert codes(facts) == ["line_does_not_multiply", "total_disagrees", "vat_id_invalid"]
    assert facts.text("seller.address.city") == "Köln"


class Described(BaseModel):
    a: Decimal = Field(description="Net amount")
    b: Decimal = Field(description="VAT amount")
    c: Decimal = Field(alias="Total", description="What has to be paid in the end")


def test_fields_are_known_by_their_descriptions_and_aliases() -> None:
    record: dict[str, Any] = {"a": "100.00", "b": "19.00", "Total": "150.00"}
    assert codes(Facts(record, frozenset(), TODAY, names_in(Described))) == ["total_disagrees"]


@pytest.mark.parametrize(
    "name", ["net_weight", "total_pages", "order_total", "nettogewicht", "vat_rate", "total_hours"]
)
def test_a_name_with_a_word_that_is_no_sum_is_no_sum(name: str) -> None:
    record: dict[str, Any] = {name: "7.00", "tax_total": "19.00", "total": "119.00"}
    assert Facts(record, frozenset(), TODAY).amount("net_total") is None
    assert Facts(record, frozenset(), TODAY).amount("total") == Decimal(119)
