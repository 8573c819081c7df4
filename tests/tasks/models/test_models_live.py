"""Does the real API still take what we send? Only with DOCMILL_LIVE=1 and a key in MISTRAL_API_KEY;
costs a fraction of a cent."""

import os

import pytest

from tests.support.models_harness import bench, flow, page_question, picture, text_question

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        not (os.environ.get("DOCMILL_LIVE") and os.environ.get("MISTRAL_API_KEY")),
        reason="needs DOCMILL_LIVE=1 and MISTRAL_API_KEY",
    ),
]
MODELS = {"vision": ("mistral-small-latest",), "text": ("mistral-small-latest",)}
SCHEMA = (
    "bill",
    '{"type":"object","properties":{"number":{"anyOf":[{"type":"string"},{"type":"null"}]}},"additionalProperties":false}',
)


async def image(number, render):
    return picture(256, 256)


@pytest.mark.parametrize(
    "question",
    [page_question(image_of=image), text_question(schema=SCHEMA)],
    ids=["image", "schema"],
)
async def test_a_request_is_taken_and_its_usage_is_below_the_bound(tmp_path, question):
    definition = flow(
        os.environ.get("MISTRAL_BASE_URL", "https://api.mistral.ai/v1"), tmp_path, models=MODELS
    )
    async with bench(definition, key=os.environ["MISTRAL_API_KEY"], tokens=50_000) as one:
        answer = await one.gateway.ask(question)
        assert answer.text
        assert 0 < one.gateway.usage.tokens < 50_000
