"""YAML itself: what is plain text, what is refused, and where."""

import pytest

from pipelines.loading.yaml_source import MAX_BYTES, parse_yaml
from tests.support.work import within_calls


def problems(text: str | bytes) -> list[tuple[int, int, str]]:
    source = parse_yaml(text if isinstance(text, bytes) else text.encode())
    return [(p.line, p.column, p.message) for p in source.problems]


@pytest.mark.parametrize(
    "text", ["on", "yes", "2024-01-01", "0123", "1_000", "12:30", "0x1F", ".inf", "="]
)
def test_scalars_that_yaml_1_1_turns_into_something_else_stay_text(text):
    assert parse_yaml(f"a: {text}".encode()).value == {"a": text}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("-5", -5),
        ("0", 0),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("null", None),
        ("'5'", "5"),
        ("!!str 5", "5"),
    ],
)
def test_plain_values_are_what_they_say(text, value):
    found = parse_yaml(f"a: {text}".encode()).value["a"]
    assert (found, type(found)) == (value, type(value))


def test_a_key_called_on_is_a_key():
    assert parse_yaml(b"on: 1").value == {"on": 1}


def test_byte_order_mark_is_no_part_of_the_text():
    assert parse_yaml(b"\xef\xbb\xbfa: 1").value == {"a": 1}


def test_duplicate_keys_are_refused_with_both_lines():
    assert problems("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n") == [
        (4, 3, "duplicate key; `c` is already on line 3"),
        (5, 1, "duplicate key; `a` is already on line 1"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("a:\n\t- 1", 2, 1, "tab found; YAML is indented with spaces"),
        ("a: [1", 1, 6, "not valid YAML: "),
        ("- a\nb: 1", 2, 1, "look at the indentation and the colons here"),
        ("a: b: c", 1, 5, "second colon found; put text that has one in quotes"),
        ("a: '", 1, 5, "found unexpected end of stream (while scanning a quoted scalar, line 1)"),
        ("a: 1\n---\nb: 2", 2, 1, "a second document starts here"),
        ("", 1, 1, "is empty; expected `version: 1` and `flows:`"),
        ("# only a comment", 1, 1, "is empty"),
        ("~", 1, 1, "is empty"),
        (b"a: 1\nb: \xff", 2, 4, "is not UTF-8 text: found byte 0xFF"),
        ("a: 1".encode("utf-16"), 1, 1, "is not UTF-8 text"),
        ("a: \x01", 1, 4, "the character U+0001 is not allowed in YAML"),
        ("<<: {a: 1}", 1, 1, "merge keys (`<<`) are not part of YAML 1.2"),
        ("1: a", 1, 1, "a key must be text, found 1; put it in quotes"),
        ("? [a]\n: 1", 1, 3, "a key must be text, found a list or mapping"),
        ("a: !!int x", 1, 4, "'x' is not a YAML int"),
        ("a: *b", 1, 4, "found undefined alias 'b'"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text, line, column, message):
    [(found_line, found_column, found_message)] = problems(text)
    assert message in found_message
    assert (found_line, found_column) == (line, column)


@pytest.mark.parametrize(
    "tagged",
    [
        "!!python/object/apply:os.system ['false']",
        "!!python/name:os.system ''",
        "!own {a: 1}",
        "!!set {a}",
        "!!binary aGk=",
    ],
)
def test_tags_make_nothing(tagged):
    source = parse_yaml(f"a: {tagged}".encode())
    assert source.value == {"a": None}
    assert "is not read; flows.yaml holds plain values only" in source.problems[0].message


def bomb() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (bomb(), "aliases repeat themselves or make more than 20,000 values"),
        ("a: &a [*a]", "aliases repeat themselves"),
        ("[" * 10_000, "nested deeper than 60 levels"),
        ("- 1\n" * 200_000, "more than 20,000 values"),
        ("a: " + "b" * MAX_BYTES, "is too large; expected at most 1,000,000 bytes"),
    ],
)
def test_a_hostile_file_is_refused_with_little_work(text, message):
    found = []
    within_calls(6_000_000, lambda: found.extend(problems(text)))
    [(_, _, problem)] = found
    assert message in problem


def test_an_alias_repeats_a_value():
    assert parse_yaml(b"a: &x {b: [1]}\nc: *x").value == {"a": {"b": [1]}, "c": {"b": [1]}}


def test_a_position_falls_back_to_the_nearest_value_around_it():
    source = parse_yaml(b"a:\n  b:\n    - c: 1\n")
    assert source.position(("a", "b", 0, "c")) == (3, 7)
    assert source.position(("a", "b", 0, "missing")) == (3, 7)
    assert source.position(("a", "x")) == (1, 1)
    assert source.place(("a", "b", 0, "c")) == "a.b[0].c"
