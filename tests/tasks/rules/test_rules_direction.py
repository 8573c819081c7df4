"""A negative total is read by the type code, and both readings are named."""

from datetime import date
from typing import Any

import pytest

from tasks.rules.direction import direction
from tasks.rules.facts import Facts


def found(record: dict[str, Any]) -> list[tuple[str, str]]:
    facts = Facts(record, frozenset(), date(2026, 3, 1))
    return [(finding.code, finding.message) for finding in direction(facts)]


@pytest.mark.parametrize("code", ["381", "380", None])
def test_a_negative_total_names_both_readings(code: str | None) -> None:
    [(name, message)] = found({"type_code": code, "total": "-1100.00"})
    assert name == "direction_unclear"
    assert "two ways" in message
    assert "1100.00" in message


@pytest.mark.parametrize(
    "record",
    [
        {"type_code": "381", "total": "1100.00"},
        {"type_code": "380", "total": "0.00"},
        {"type_code": "381", "total": None},
        {"total": "-1100.00"},  # a schema without the type code: the sign is all there is
    ],
)
def test_nothing_is_said_where_type_and_sign_agree(record: dict[str, Any]) -> None:
    assert found(record) == []
