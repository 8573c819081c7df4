"""The shape of a schema's fields, and records of schemas with aliases of every kind."""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import AliasChoices, AliasPath, BaseModel, Field

from tasks.einvoices.projection import project
from tasks.local.fields import FieldFinder
from tasks.models.conversation.answers import empty_record, read_answer
from tasks.record_schema.fields import fields_of
from tasks.record_schema.nullable import schema_for_model
from tasks.record_schema.satisfied import refusal
from tasks.rules.doubts import required_fields
from tasks.rules.schema_rules import schema_findings


class Line(BaseModel):
    net: Decimal


class Shapes(BaseModel):
    text: str
    group: Line
    maybe: Annotated[Line, "note"] | None
    lines: list[Line] = []
    maybe_lines: Annotated[list[Annotated[Line, "note"]], "note"] | None = None
    several: Sequence[Line | None] = ()
    pair: tuple[Line, ...] | str = ""
    table: dict[str, Line] = {}
    names: set[str] = set()
    data: bytes = b""


def test_what_each_field_holds() -> None:
    shapes = {field.name: field for field in fields_of(Shapes)}
    lists = {name for name, field in shapes.items() if field.is_list}
    assert lists == {"lines", "maybe_lines", "several", "pair", "names"}
    holders = {name for name, field in shapes.items() if field.model is Line}
    assert holders == {"group", "maybe", "lines", "maybe_lines", "several", "pair"}
    assert {name for name, field in shapes.items() if field.models} == {*holders, "table"}
    assert [name for name, field in shapes.items() if field.group] == ["group"]
    assert [name for name, field in shapes.items() if field.required] == ["text", "group", "maybe"]
    assert required_fields(Shapes) == {"text", "group.net", "maybe"}


class Aliased(BaseModel):
    plain: str
    number: str = Field(alias="Number")
    total: Decimal = Field(validation_alias="Total")
    net: Decimal = Field(alias="NET", validation_alias="Net", serialization_alias="n")
    tax: Decimal = Field(validation_alias=AliasChoices("Tax", "VAT"))
    due: Decimal = Field(validation_alias=AliasChoices(AliasPath("payment", "due"), "Due"))
    note: str = Field(validation_alias=AliasPath("Note"))
    iban: str = Field(validation_alias=AliasPath("bank", 0, "iban"))


KEYS = ["plain", "Number", "Total", "Net", "Tax", "Due", "Note", "iban"]


class Nested(BaseModel):
    inner: Aliased


def test_a_field_has_one_name_in_a_record_whoever_fills_it() -> None:
    assert [field.key for field in fields_of(Aliased)] == KEYS
    assert list(empty_record(Aliased)) == KEYS
    assert list(schema_for_model(Aliased)["properties"]) == KEYS
    assert list(FieldFinder(Aliased).finish().record) == KEYS
    assert list(project({}, Aliased).record) == KEYS
    assert required_fields(Aliased) == set(KEYS)
    assert next(schema_findings({}, Aliased)).fields == tuple(KEYS)


def record_of(**changed: Any) -> dict[str, Any]:
    return {**dict.fromkeys(KEYS, "1"), **changed}


def test_a_record_under_these_names_satisfies_the_schema() -> None:
    answer = read_answer(json.dumps(record_of()), Aliased)
    assert answer.problems == ()
    assert answer.record == record_of()
    assert refusal(record_of(), Aliased) is None
    assert refusal({"inner": record_of()}, Nested) is None


@pytest.mark.parametrize("key", KEYS)
def test_what_is_missing_has_the_name_of_the_record(key: str) -> None:
    record = record_of(**{key: None})
    findings = list(schema_findings(record, Aliased))
    assert [(finding.code, finding.fields) for finding in findings] == [("value_missing", (key,))]
    nested = list(schema_findings({"inner": record}, Nested))
    assert [finding.fields for finding in nested] == [(f"inner.{key}",)]


def test_a_value_that_is_refused_has_the_name_of_the_record() -> None:
    record = record_of(Total="x", Due="y", Tax="z")
    assert [finding.fields for finding in schema_findings({"inner": record}, Nested)] == [
        ("inner.Total",),
        ("inner.Tax",),
        ("inner.Due",),
    ]


def test_an_alias_that_is_another_fields_name_is_not_taken_for_it() -> None:
    class Swapped(BaseModel):
        day: str = Field(alias="invoice_day")
        due: str = Field(alias="day")

    findings = list(schema_findings({"invoice_day": None, "day": "x"}, Swapped))
    assert [finding.fields for finding in findings] == [("invoice_day",)]
    assert read_answer('{"day": "x"}', Swapped).record == {"invoice_day": None, "day": "x"}


def test_a_value_of_a_union_that_is_refused_leaves_an_e_invoices_record() -> None:
    class Choosy(BaseModel):
        number: str
        total: Annotated[Decimal, Field(gt=100)] | int

    found = project({"number": "A-1", "total": "9.50"}, Choosy)
    assert (found.record, found.sources) == (
        {"number": "A-1", "total": None},
        {"number": "number"},
    )
