"""Is a question asked once, with the right model, for the right price, and never again?"""

import asyncio
import io
import logging
from dataclasses import replace

import pytest
from pydantic import SecretStr

from schemas.document import RenderSettings
from schemas.errors import (
    AuthenticationError,
    BudgetExceededError,
    CallError,
    MissingKeyError,
    ModelError,
    ModelGoneError,
    ProviderDownError,
)
from schemas.flow import ModelSpec
from tasks.models.gateway import ModelGateway, NothingToSendError, answer_key
from tasks.models.http.client import ChatClient
from tasks.models.http.wire import Turn
from tasks.models.provider_buyer import ProviderBuyer
from tests.support.fake_mistral import Behaviour, FakeMistral, replies
from tests.support.models_harness import (
    KEY,
    QUICK,
    Pictures,
    bench,
    decoded_images,
    flow,
    page_question,
    picture,
    text_question,
)


@pytest.fixture
def server():
    with FakeMistral() as running:
        yield running


async def test_an_answer_is_bought_once_and_then_comes_from_the_cache(server, tmp_path):
    pictures = Pictures()
    async with bench(flow(server.url, tmp_path)) as one:
        bought = await one.gateway.ask(page_question(image_of=pictures))
        again = await one.gateway.ask(page_question(image_of=pictures))
        usage = one.gateway.usage
    assert (bought.text, bought.cached, again.text, again.cached) == (
        again.text,
        False,
        bought.text,
        True,
    )
    assert len(server.requests) == 1
    assert pictures.made == [(1, 1024)]  # a page whose answer is stored is not rendered
    assert (usage.requests, usage.cache_hits, usage.tokens) == (1, 1, server.billed)


async def test_a_second_run_takes_the_answers_of_the_first(server, tmp_path):
    async with bench(flow(server.url, tmp_path)) as one:
        await one.gateway.ask(page_question())
    async with bench(flow(server.url, tmp_path), key=None) as one:
        assert (await one.gateway.ask(page_question())).cached  # and needs no key for it
    assert len(server.requests) == 1


async def test_fresh_buys_anew(server, tmp_path):
    async with bench(flow(server.url, tmp_path)) as one:
        await one.gateway.ask(page_question())
    async with bench(flow(server.url, tmp_path), fresh=True) as one:
        assert not (await one.gateway.ask(page_question())).cached
    assert len(server.requests) == 2


async def test_identical_questions_at_the_same_time_are_one_call(server, tmp_path):
    server.behaviour.latency = 0.05
    async with bench(flow(server.url, tmp_path)) as one:
        answers = await asyncio.gather(*(one.gateway.ask(page_question()) for _ in range(8)))
    assert len(server.requests) == 1
    assert sum(not answer.cached for answer in answers) == 1


CHANGES = {
    "document": {"document_id": "e" * 64},
    "pages": {"page_numbers": (2,), "image_pages": (2,)},
    "images": {"image_pages": ()},
    "render settings": {"max_side_px": 800},
    "prompt": {"system": "Read well."},
    "message": {"turns": (Turn("user", "other"),)},
    "correction": {
        "turns": (Turn("user", "page 1"), Turn("assistant", "x"), Turn("user", "again"))
    },
    "schema": {"schema": ("s", '{"type":"object","properties":{"a":{"type":"string"}}}')},
    "schema name": {"schema": ("t", '{"type":"object"}')},
    "max_tokens": {"max_tokens": 401},
    "temperature": {"temperature": 0.5},
    "role, so the model": {"role": "text"},
}


@pytest.mark.parametrize("part", CHANGES)
async def test_changing_a_part_of_the_question_asks_again(server, tmp_path, part):
    async with bench(flow(server.url, tmp_path)) as one:
        await one.gateway.ask(page_question())
        assert not (await one.gateway.ask(page_question(**CHANGES[part]))).cached
    assert len(server.requests) == 2


@pytest.mark.parametrize("part", ["provider", "base_url", "model_id"])
def test_the_key_also_holds_the_provider_and_the_model_that_is_asked(part):
    asked = {"model_id": "m", "provider": "p", "base_url": "u"}
    render = RenderSettings(max_side_px=1024)
    keys = {
        answer_key(page_question(), render=render, **{**asked, part: value}) for value in ("x", "y")
    }
    assert len(keys) == 2


def test_the_key_does_not_hold_the_pixels():
    asked = {
        "model_id": "m",
        "provider": "p",
        "base_url": "u",
        "render": RenderSettings(max_side_px=1024),
    }
    assert answer_key(page_question(image_of=Pictures()), **asked) == answer_key(
        page_question(image_of=picture), **asked
    )


async def test_a_model_that_is_gone_gives_way_to_the_next_and_says_so_once(server, tmp_path):
    server.behaviour.retired = {"pixtral-large-latest": 400}
    pictures = Pictures()
    async with bench(flow(server.url, tmp_path)) as one:
        answers = await asyncio.gather(
            *(one.gateway.ask(page_question(number, image_of=pictures)) for number in range(1, 5))
        )
        assert {answer.model for answer in answers} == {"mistral-large-2512"}
        assert (await one.gateway.model("vision")).id == "mistral-large-2512"
        assert len(one.warnings) == 1
        assert "pixtral-large-latest" in one.warnings[0]
    assert {side for _, side in pictures.made} == {1024, 1540}  # the image follows the model


async def test_the_next_run_knows_which_model_is_gone(server, tmp_path):
    server.behaviour.retired = {"pixtral-large-latest": 404}
    async with bench(flow(server.url, tmp_path)) as one:
        await one.gateway.ask(page_question())
    async with bench(flow(server.url, tmp_path)) as one:
        await one.gateway.ask(page_question(2))
        assert one.warnings == []
    assert [entry.model for entry in server.requests] == [
        "pixtral-large-latest",
        "mistral-large-2512",
        "mistral-large-2512",
    ]


async def test_no_model_left_is_an_error_that_names_the_role(server, tmp_path):
    server.behaviour.retired = dict.fromkeys(("pixtral-large-latest", "mistral-large-2512"), 404)
    async with bench(flow(server.url, tmp_path)) as one:
        with pytest.raises(ModelGoneError, match="role 'vision'"):
            await one.gateway.ask(page_question())


async def test_without_a_key_nothing_is_rendered_or_sent(server, tmp_path):
    pictures = Pictures()
    async with bench(flow(server.url, tmp_path), key=None) as one:
        with pytest.raises(MissingKeyError, match="MISTRAL_API_KEY"):
            await one.gateway.ask(page_question(image_of=pictures))
    assert (pictures.made, server.requests) == ([], [])


async def test_a_question_of_which_no_page_has_an_image_is_not_asked(server, tmp_path):
    async def nothing(number, render):
        return None

    async with bench(flow(server.url, tmp_path)) as one:
        with pytest.raises(NothingToSendError):
            await one.gateway.ask(page_question(image_of=nothing))
    assert server.requests == []


async def test_a_call_that_does_not_fit_the_budget_is_not_sent(server, tmp_path):
    async with bench(flow(server.url, tmp_path), tokens=300) as one:
        with pytest.raises(BudgetExceededError):
            await one.gateway.ask(text_question())
    assert server.requests == []


async def test_the_reserved_bound_is_above_what_the_server_bills(server, tmp_path):
    texts = ["1234567890" * 50, "Ünïcödé 漢字 " * 40, "a b c d e f " * 60, "... --- ... " * 30]
    async with bench(flow(server.url, tmp_path), tokens=1_000_000) as one:
        for text in texts:
            await one.gateway.ask(
                text_question(
                    text,
                    schema=("s", '{"type":"object","properties":{"number":{"type":"string"}}}'),
                )
            )
        await one.gateway.ask(page_question())
        # BoundBrokenError would have been raised by the next call, had any been above its bound.
        await one.gateway.ask(page_question(2))
        assert one.gateway.usage.tokens == server.billed


async def test_usage_that_the_server_does_not_report_counts_at_the_bound(server, tmp_path):
    server.reply(replies.no_usage())
    async with bench(flow(server.url, tmp_path)) as one:
        await one.gateway.ask(text_question())
        assert one.gateway.usage.tokens > server.billed
        assert one.gateway.usage.completion_tokens == 400


async def test_cost_is_the_price_of_the_model_that_answered(server, tmp_path):
    async with bench(flow(server.url, tmp_path)) as one:
        await one.gateway.ask(text_question())
        usage = one.gateway.usage
    assert usage.cost_nano == usage.prompt_tokens * 500 + usage.completion_tokens * 1500


async def test_the_cost_of_a_model_without_a_price_is_unknown_not_zero(server, tmp_path):
    async with bench(flow(server.url, tmp_path, models={"text": ("house-model",)})) as one:
        await one.gateway.ask(text_question())
        assert one.gateway.usage.cost_nano is None


async def test_a_model_whose_image_rule_is_unknown_runs_without_a_budget_only(server, tmp_path):
    models = {"vision": ("house-model",)}
    async with bench(flow(server.url, tmp_path, models=models), tokens=1_000_000) as one:
        with pytest.raises(CallError, match="image_tokens_max"):
            await one.gateway.ask(page_question())
    async with bench(flow(server.url, tmp_path, models=models)) as one:
        await one.gateway.ask(page_question())
    catalogue = {"house-model": ModelSpec(image_tokens_max=5000)}
    async with bench(
        flow(server.url, tmp_path, models=models, catalogue=catalogue), tokens=1_000_000
    ) as one:
        await one.gateway.ask(page_question(2))
    assert len(server.requests) == 2


async def test_prices_of_flows_yaml_go_first(server, tmp_path):
    catalogue = {"house-model": ModelSpec(input_per_million=1, output_per_million=2)}
    async with bench(
        flow(server.url, tmp_path, models={"text": ("house-model",)}, catalogue=catalogue)
    ) as one:
        await one.gateway.ask(text_question())
        usage = one.gateway.usage
    assert usage.cost_nano == usage.prompt_tokens * 1000 + usage.completion_tokens * 2000


async def test_usage_of_a_document_holds_its_failed_attempts(server, tmp_path):
    server.reply(replies.truncated_json(), replies.server_error())
    async with bench(flow(server.url, tmp_path)) as one:
        await one.gateway.ask(text_question())
        usage = one.gateway.take_usage("d" * 64)
        assert one.gateway.take_usage("d" * 64).requests == 0
    assert usage.requests == 3
    assert (
        usage.tokens > server.billed
    )  # the broken answer's usage could not be read, so it counts at the bound


async def test_the_request_has_the_image_in_object_form_after_the_text(server, tmp_path):
    async with bench(flow(server.url, tmp_path)) as one:
        await one.gateway.ask(page_question(3))
    [body] = server.bodies
    assert decoded_images(body) == [picture(shade=3).data]
    assert [part["type"] for part in body["messages"][1]["content"]] == ["text", "image_url"]
    assert set(body) == {"model", "temperature", "max_tokens", "messages"}


async def test_a_call_that_is_cancelled_after_sending_is_charged(server, tmp_path):
    server.reply(replies.slow(5))
    async with bench(flow(server.url, tmp_path)) as one:
        task = asyncio.create_task(one.gateway.ask(text_question()))
        while server.most_in_flight == 0:  # noqa: ASYNC110 - the server is in another thread
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert one.gateway.usage.completion_tokens == 400


async def test_the_time_of_a_document_bounds_all_its_waits(server, tmp_path):
    server.behaviour.script = lambda body, number: replies.rate_limited(0, "none")
    retry = QUICK.model_copy(update={"document_seconds": 1.0})
    async with bench(flow(server.url, tmp_path, retry=retry)) as one:
        with pytest.raises(ProviderDownError, match="document_seconds"):
            await one.gateway.ask(text_question())
    assert (
        len(server.requests) > 3
    )  # more than `attempts`: waits for a rate limit do not use them up


SCRIPTS = {
    "refused": [replies.unauthorized("message")],
    "gone": [replies.model_gone("x")] * 3,
    "quoted": [
        replace(replies.invalid_body(), body=b'{"message": "bad key ' + KEY.encode() + b'"}')
    ],
    "html": [replies.gateway_page()] * 3,
    "reset": [replies.reset("before_answer")] * 3,
    "broken": [replies.truncated_json()] * 3,
    "limited": [replies.rate_limited(99_999)],
}


@pytest.mark.parametrize("script", SCRIPTS)
async def test_the_key_is_in_no_error_log_or_repr(server, tmp_path, script, caplog):
    caplog.set_level(logging.DEBUG)
    server.reply(*SCRIPTS[script])
    async with bench(flow(server.url, tmp_path)) as one:
        with pytest.raises(ModelError) as caught:
            await one.gateway.ask(page_question())
        shown = io.StringIO()
        for thing in (
            one.gateway,
            vars(one.gateway),
            one.buyer,
            vars(one.buyer),
            one.buyer._client,
            vars(one.buyer._client),
            caught.value,
            caught.value.args,
            caught.value.__cause__,
        ):
            print(repr(thing), str(thing), file=shown)
    assert KEY not in shown.getvalue() + caplog.text
    assert all(
        KEY.encode() not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()
    )


async def test_a_refused_key_names_the_variable(server, tmp_path):
    server.behaviour.api_key = "another"
    async with bench(flow(server.url, tmp_path)) as one:
        with pytest.raises(AuthenticationError, match="MISTRAL_API_KEY"):
            await one.gateway.ask(text_question())
    assert len(server.requests) == 1


async def test_gateways_of_one_endpoint_share_the_pace(tmp_path):
    with FakeMistral(Behaviour()) as server:
        async with (
            bench(flow(server.url, tmp_path)) as one,
            ProviderBuyer(one.flow, one.calls, SecretStr(KEY), on_warning=print) as other,
        ):
            await one.gateway.ask(text_question("a"))
            gateway = ModelGateway(one.flow, one.calls, other, on_warning=print)
            await gateway.ask(text_question("b"))
            assert isinstance(one.buyer._client, ChatClient)
            assert one.buyer._client._limiter is other._client._limiter
