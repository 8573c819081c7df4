"""Is the fake server strict enough that a client which passes here would pass at the real API?"""

import base64
import io

import httpx
import pytest
from PIL import Image

from tests.support.fake_mistral import FakeMistral, FakeMistralProcess, counting, replies


def image_url(width: int = 32, height: int = 16, kind: str = "PNG") -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(buffer, kind)
    return f"data:image/{kind.lower()};base64," + base64.b64encode(buffer.getvalue()).decode()


def body(**more):
    return {
        "model": "mistral-large-2512",
        "messages": [{"role": "user", "content": "Hello"}],
        **more,
    }


@pytest.fixture(scope="module")
def server():
    with FakeMistral() as running:
        yield running


def post(server, content):
    return httpx.post(f"{server.url}/chat/completions", json=content)


@pytest.mark.parametrize(
    "field", ["seed", "max_completion_tokens", "user", "store", "stream_options"]
)
def test_a_field_the_api_does_not_know_is_refused_with_422(server, field):
    answer = post(server, body(**{field: 1}))
    assert answer.status_code == 422
    assert isinstance(answer.json()["message"], dict)


def test_a_message_with_a_name_is_refused(server):
    assert (
        post(server, body(messages=[{"role": "user", "content": "x", "name": "me"}])).status_code
        == 422
    )


def test_a_conversation_must_end_with_the_user(server):
    messages = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]
    assert post(server, body(messages=messages)).status_code == 400


def test_nine_images_are_refused(server):
    parts = [{"type": "image_url", "image_url": {"url": image_url()}}] * 9
    assert post(server, body(messages=[{"role": "user", "content": parts}])).status_code == 400


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_images_are_billed_by_the_published_rule(server, kind):
    text_only = post(
        server, body(messages=[{"role": "user", "content": [{"type": "text", "text": "x"}]}])
    ).json()["usage"]["prompt_tokens"]
    parts = [
        {"type": "text", "text": "x"},
        {"type": "image_url", "image_url": {"url": image_url(1024, 683, kind)}},
    ]
    usage = post(server, body(messages=[{"role": "user", "content": parts}])).json()["usage"]
    assert usage["prompt_tokens"] - text_only == 950  # the documentation's example picture


def test_a_schema_reference_outside_defs_is_refused(server):
    schema = {
        "name": "x",
        "schema": {"type": "object", "properties": {"a": {"$ref": "#/components/A"}}},
    }
    answer = post(server, body(response_format={"type": "json_schema", "json_schema": schema}))
    assert (answer.status_code, answer.json()["code"]) == (400, "3300")


def test_scripted_replies_are_used_one_by_one(server):
    server.reply(replies.rate_limited(0.25, "fraction"), replies.gateway_page())
    first, second, third = post(server, body()), post(server, body()), post(server, body())
    assert (first.status_code, first.headers["retry-after"]) == (429, "0.250")
    assert (second.status_code, second.headers["content-type"]) == (502, "text/html")
    assert third.status_code == 200


def test_text_is_never_billed_above_one_token_a_byte():
    for text in ["12345", "a", "...", "Ünïcödé", "  \n\t", "漢字", "price: 1,234.56 EUR"]:
        assert counting.text_tokens(text) <= len(text.encode())


def test_the_server_runs_as_a_process_of_its_own_and_logs_each_request(tmp_path):
    with FakeMistralProcess(tmp_path / "log.jsonl") as process:
        httpx.post(f"{process.url}/chat/completions", json=body())
        assert process.control()["requests"] == 1
    assert process.log()[0]["model"] == "mistral-large-2512"
