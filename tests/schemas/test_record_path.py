"""Record paths: text and back, reading and setting values, walking a record."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from schemas.record_path import RecordPath, walk

KEYS = st.text(max_size=6) | st.sampled_from(["a", "a.b", "[0]", "", '"', "\\", "Total incl. VAT"])
STEPS = KEYS | st.integers(min_value=0, max_value=10**6)
PATHS = st.lists(STEPS, max_size=5).map(lambda steps: RecordPath(tuple(steps)))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)
RECORDS = st.dictionaries(KEYS, VALUES, max_size=4)


@given(PATHS)
def test_a_path_is_read_as_it_was_written(path: RecordPath) -> None:
    assert RecordPath.parse(str(path)) == path


@given(st.text(alphabet='ab.[]0"\\', max_size=12))
def test_any_text_is_some_path(text: str) -> None:
    path = RecordPath.parse(text)
    assert RecordPath.parse(str(path)) == path


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("", ()),
        ("total", ("total",)),
        ("seller.address.lines[1]", ("seller", "address", "lines", 1)),
        ("lines[0].net_amount", ("lines", 0, "net_amount")),
        ("table[0][2]", ("table", 0, 2)),
        ('["Total incl. VAT"]', ("Total incl. VAT",)),
        ('parts["a.b"][0].c', ("parts", "a.b", 0, "c")),
        ("USt-IdNr", ("USt-IdNr",)),
    ],
)
def test_paths_as_text(text: str, steps: tuple[str | int, ...]) -> None:
    assert RecordPath.parse(text).steps == steps
    assert str(RecordPath(steps)) == text


@pytest.mark.parametrize("text", ["lines[]", "a..b", ".a", "a.", "a[x]", "a[01]", "a[0]b", '["a]'])
def test_text_that_is_no_path_is_one_key(text: str) -> None:
    assert RecordPath.parse(text).steps == (text,)


@given(RECORDS)
def test_walk_gives_every_plain_value_at_its_place(record: dict[str, JsonValue]) -> None:
    found = list(walk(record))
    for path, value in found:
        assert path.get(record) == value
        assert RecordPath.parse(str(path)).get(record) == value
    assert len({str(path) for path, _ in found}) == len(found)


@given(RECORDS, VALUES)
def test_what_is_set_is_there_and_nothing_else_changes(
    record: dict[str, JsonValue], value: JsonValue
) -> None:
    for path, _ in walk(record):
        changed = copy.deepcopy(record)
        path.set(changed, value)
        assert path.get(changed) == value
        path.set(changed, path.get(record))
        assert changed == record


def test_a_list_is_one_value_where_it_is_asked_for_so() -> None:
    record: JsonValue = {"a": {"b": [1, 2], "c": {}}, "d": None, "e": []}
    flat = {str(path): value for path, value in walk(record, into_lists=False)}
    assert flat == {"a.b": [1, 2], "d": None, "e": []}
    assert {str(path) for path, _ in walk(record)} == {"a.b[0]", "a.b[1]", "d"}


def test_places_that_a_record_does_not_have() -> None:
    record: JsonValue = {"lines": [{"name": "Pen"}], "total": "1.00"}
    for text in ("x", "x.y", "lines[1]", "lines[1].name", "lines.name", "total.x", "lines[0][0]"):
        assert RecordPath.parse(text).get(record) is None
    for text in ("", "x.y", "lines[1]", "lines.name", "total.x", "lines[0][0]"):
        with pytest.raises(KeyError):
            RecordPath.parse(text).set(record, None)
    RecordPath.parse("lines[0].unit").set(record, "C62")
    assert record == {"lines": [{"name": "Pen", "unit": "C62"}], "total": "1.00"}


def test_parts_of_a_path() -> None:
    path = RecordPath.parse("lines[3].charges[0].amount")
    assert path.names == ("lines", "charges", "amount")
    assert str(path.item) == "lines[3].charges[0]"
    assert str(path.parent) == "lines[3].charges[0]"
    assert path.is_within(RecordPath.parse("lines[3]"))
    assert not path.is_within(RecordPath.parse("lines[3].charge"))
    assert RecordPath.parse("seller.name").item is None


def test_a_place_of_a_validation_error_without_the_branches_of_unions() -> None:
    record: JsonValue = {"parts": [{"amount": "x"}], "rates": {"7": "y"}}
    located = [
        RecordPath.located(record, location)
        for location in (
            ("parts", 0, "Part", "amount", "decimal"),
            ("rates", 7),
            ("parts", 5),
            ("gone", "amount"),
        )
    ]
    assert [str(path) for path in located] == ["parts[0].amount", "rates.7", "parts", ""]
