"""Do requests have the published shape, and are answers and errors of any shape read?"""

import json

import pytest

from schemas.invoice import Invoice
from tasks.models.http import wire
from tasks.models.http.wire import BrokenAnswerError, Turn
from tasks.record_schema.nullable import schema_json
from tests.support.fake_mistral import validation
from tests.support.models_harness import picture

DEEP = b"[" * 100_000


def test_a_body_is_the_json_that_it_says_and_has_no_nulls():
    body = wire.body_bytes(
        model='a"b',
        system="S\n",
        turns=[Turn("user", "ü\u2028"), Turn("assistant", "x"), Turn("user", "y")],
        images=[picture()],
        max_tokens=5,
        temperature=0.0,
        schema=("n", '{"type":"object"}'),
        cache_key="k",
    )
    read = json.loads(body)
    assert read["model"] == 'a"b'
    assert read["messages"][1]["content"][0]["text"] == "ü\u2028"
    assert read["response_format"]["json_schema"] == {
        "name": "n",
        "strict": True,
        "schema": {"type": "object"},
    }
    assert b"null" not in body


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"3",
        b'{"choices": []}',
        b'{"choices": [{"message": {"content": 5}}]}',
        b"<html>",
        b'{"choices": [{"message": null}]}',
        b"\xff\xfe",
        DEEP,
    ],
)
def test_anything_that_is_no_completion_is_a_broken_answer(content):
    with pytest.raises(BrokenAnswerError):
        wire.read_completion(content, "m")


def test_usage_may_have_keys_that_nobody_knows_and_cached_tokens_in_either_place():
    answer = {
        "choices": [{"message": {"content": "x"}}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 1, "num_cached_tokens": 4, "new": {}},
    }
    assert wire.read_completion(json.dumps(answer).encode(), "m").usage == wire.ReportedUsage(
        9, 1, 4
    )
    answer["usage"]["prompt_tokens_details"] = {"cached_tokens": 99}
    assert wire.read_completion(json.dumps(answer).encode(), "m").usage.cached_tokens == 9
    answer["usage"] = {"prompt_tokens": None, "completion_tokens": 1}
    assert wire.read_completion(json.dumps(answer).encode(), "m").usage is None


def test_a_full_body_is_what_the_published_document_allows():
    body = wire.body_bytes(
        model="m",
        system="s",
        turns=[Turn("user", "u")],
        images=[picture()] * 8,
        max_tokens=5,
        temperature=1.0,
        schema=("Invoice", schema_json(Invoice)),
        cache_key="k",
    )
    assert validation.problem_with(json.loads(body)) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b'{"message": {}}',
        b'{"message": [1]}',
        b'{"detail": [{"loc": "x"}]}',
        b'{"error": {"message": 3}}',
        b'{"detail": [{"loc": null}, 1]}',
        DEEP,
    ],
)
def test_errors_in_any_shape_have_a_message(content):
    assert wire.read_error(content).message


def test_an_error_message_is_short():
    assert len(wire.read_error(json.dumps({"message": "x " * 5000}).encode()).message) < 400


@pytest.mark.parametrize(
    ("text", "inner"),
    [
        ("plain", "plain"),
        ("```\na\nb\n```", "a\nb"),
        ("```text\na\n```\n", "a"),
        ("a ```b``` c", "a ```b``` c"),
        ("```\nopen", "```\nopen"),
    ],
)
def test_only_a_fence_around_the_whole_text_is_taken_off(text, inner):
    assert wire.without_fences(text) == inner


def test_what_cannot_be_stored_is_taken_out_of_an_answer():
    answer = (
        b'{"choices": [{"message": {"content": "a\\ud800b\\u0000c \\ud83d\\ude00"}, '
        b'"finish_reason": "\\udfff"}], "model": "m\\ud800"}'
    )
    read = wire.read_completion(answer, "m")
    assert (read.text, read.finish_reason, read.model) == ("a?bc \U0001f600", "?", "m?")


def test_a_count_of_tokens_that_no_database_holds_is_not_believed():
    answer = {
        "choices": [{"message": {"content": "x"}}],
        "usage": {"prompt_tokens": 10**30, "completion_tokens": 1},
    }
    assert wire.read_completion(json.dumps(answer).encode(), "m").usage is None


def test_the_key_is_taken_out_of_a_message_before_it_is_cut():
    said = {"message": "x" * 290 + " sk-12345678901234567890"}
    assert (
        "sk-" not in wire.read_error(json.dumps(said).encode(), "sk-12345678901234567890").message
    )


@pytest.mark.parametrize(
    "said",
    [
        {"detail": {"input": "page text"}},
        {"input": "page text"},
        [{"loc": ["a"], "msg": {"input": "page text"}}],
    ],
)
def test_what_is_no_text_is_not_passed_on_as_it_may_quote_the_page(said):
    assert "page text" not in wire.read_error(json.dumps({"message": said}).encode()).message
