"""Facts for the rules: one record, seen in the terms of an invoice."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property

from pydantic import BaseModel, JsonValue

from schemas.record import Draft
from schemas.record_path import RecordPath
from tasks.record_schema.shape import names_in
from tasks.rules.values import as_amount, as_day
from tasks.standards.currencies import minor_unit
from tasks.vocabulary.records import Found, concept_at, invoice_terms, item_terms
from tasks.vocabulary.terms import FieldName

DUE_EXPLAINED = "einvoice_amount_due"
"""Code of the note by which an e-invoice says why its amount due does not follow from the rest."""


@dataclass(frozen=True)
class Facts:
    """A record and what is known about it.

    `exact` are the paths of values that an e-invoice gave, which no one can have misread;
    `fields` are those of the schema, by the keys that lead to them.
    """

    record: Mapping[str, JsonValue]
    exact: frozenset[str]
    today: date
    fields: Mapping[tuple[str, ...], FieldName] = field(default_factory=dict)
    due_explained: bool = False

    @classmethod
    def of(cls, draft: Draft, today: date, schema: type[BaseModel] | None) -> "Facts":
        exact = frozenset(
            evidence.field for evidence in draft.evidence if evidence.found_by == "einvoice"
        )
        fields = names_in(schema) if schema else {}
        due_explained = any(finding.code == DUE_EXPLAINED for finding in draft.findings)
        return cls(draft.record or {}, exact, today, fields, due_explained)

    @cached_property
    def terms(self) -> dict[str, Found]:
        return invoice_terms(self.record, self.fields)

    @cached_property
    def unit(self) -> Decimal:
        """The smallest amount of the record's currency: 0.01 where none is known."""
        return minor_unit(self.text("currency"))

    def concept(self, place: RecordPath) -> str:
        """What the value at a place of the record is, such as `iban`."""
        return concept_at(place, place.get(self.record), self.fields)

    def text(self, term: str) -> str | None:
        found = self.terms.get(term)
        return str(found.value) if found and isinstance(found.value, str | int) else None

    def has(self, term: str) -> bool:
        """Whether the schema has a field of that name at the top, filled or null."""
        return term in self.record or term in self.terms

    def amount(self, term: str) -> Decimal | None:
        found = self.terms.get(term)
        return as_amount(found.value) if found else None

    def day(self, term: str) -> date | None:
        found = self.terms.get(term)
        return as_day(found.value) if found else None

    def paths(self, *terms: str) -> tuple[str, ...]:
        """Where the values of these terms stand in the record; those that it does not have are left
        out."""
        return tuple(self.terms[term].path for term in terms if term in self.terms)

    def items(self, term: str, kind: str) -> list[dict[str, Found]]:
        found = self.terms.get(term)
        if found is None or not isinstance(found.value, list):
            return []
        return [
            item_terms(item, kind, found.place / index, self.fields)
            for index, item in enumerate(found.value)
        ]


def item_amount(item: Mapping[str, Found], term: str) -> Decimal | None:
    found = item.get(term)
    return as_amount(found.value) if found else None
