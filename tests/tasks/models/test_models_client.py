"""Is every kind of trouble met as it should be: repeated, waited out, given up, and charged?"""

import asyncio
import email.utils
import random
import time

import pytest
from sqlalchemy import select

from schemas.errors import (
    AnswerInvalidError,
    AuthenticationError,
    CallError,
    ModelError,
    ModelGoneError,
    ProviderDownError,
    RequestRefusedError,
)
from schemas.flow import ProviderLimits, RetrySpec
from tasks.ledger.connection.tables import calls
from tasks.models.http.backoff import MARGIN_SECONDS, backoff_seconds, retry_after_seconds
from tasks.models.http.breaker import Breaker
from tasks.models.http.wire import PromptTooLongError
from tests.support.fake_mistral import FakeMistral, replies
from tests.support.models_harness import bench, flow, page_question, text_question


@pytest.fixture
def server():
    with FakeMistral() as running:
        yield running


async def outcomes(one) -> list[tuple[str, int | None]]:
    rows = await one.ledger.database.read(
        lambda connection: connection.execute(
            select(calls.c.outcome, calls.c.http_status).order_by(calls.c.call_id)
        ).all()
    )
    return [tuple(row) for row in rows]


PASSING = {
    "server error": (replies.server_error(500), ("http_500", 500)),
    "overloaded": (replies.server_error(503), ("http_503", 503)),
    "gateway page in HTML": (replies.gateway_page(502), ("http_502", 502)),
    "unknown gateway status": (replies.gateway_page(520), ("http_520", 520)),
    "rate limit": (replies.rate_limited(0.01, "fraction"), ("rate_limited", 429)),
    "backend full": (replies.over_capacity(), ("rate_limited", 429)),
    "connection reset before the request was read": (
        replies.reset("before_reading"),
        ("lost", None),
    ),
    "connection reset before the answer": (replies.reset("before_answer"), ("lost", None)),
    "connection reset within the answer": (replies.reset("mid_answer"), ("lost", None)),
    "truncated JSON": (replies.truncated_json(), ("broken_answer", 200)),
    "empty content": (replies.content(""), ("broken_answer", 200)),
    "null content": (replies.content(None), ("broken_answer", 200)),
    "model stopped with an error": (replies.content("x", "error"), ("broken_answer", 200)),
}


@pytest.mark.parametrize("trouble", PASSING)
async def test_trouble_that_may_pass_is_asked_again(server, tmp_path, trouble):
    reply, noted = PASSING[trouble]
    server.reply(reply)
    async with bench(flow(server.url, tmp_path)) as one:
        answer = await one.gateway.ask(page_question())
        assert await outcomes(one) == [noted, ("ok", 200)]
        assert one.gateway.usage.tokens >= server.billed
    assert "ACME" in answer.text


FINAL = {
    "401": (replies.unauthorized(), AuthenticationError, 401),
    "402": (replies.Reply("402", 402, b"{}"), AuthenticationError, 402),
    "403": (replies.forbidden(), AuthenticationError, 403),
    "422 with a message that is an object": (replies.invalid_body(), RequestRefusedError, 422),
    "prompt too long": (replies.prompt_too_long(), PromptTooLongError, 400),
    "404 in HTML: a wrong URL, not a model": (replies.gateway_page(404), RequestRefusedError, 404),
}


@pytest.mark.parametrize("refusal", FINAL)
async def test_a_refusal_that_cannot_pass_is_not_repeated_and_costs_nothing(
    server, tmp_path, refusal
):
    reply, error, status = FINAL[refusal]
    server.reply(reply)
    async with bench(flow(server.url, tmp_path)) as one:
        with pytest.raises(error) as caught:
            await one.gateway.ask(text_question())
        assert one.gateway.usage.tokens == 0
    assert caught.value.status == status
    assert len(server.requests) == 1


async def test_what_the_server_says_of_a_bad_body_is_passed_on_without_the_input(server, tmp_path):
    server.reply(replies.invalid_body("seed"))
    async with bench(flow(server.url, tmp_path)) as one:
        with pytest.raises(
            RequestRefusedError, match=r"body\.seed: Extra inputs are not permitted"
        ):
            await one.gateway.ask(text_question())


async def test_a_provider_that_cannot_be_reached_is_down_and_nothing_is_charged(tmp_path):
    async with bench(flow("http://127.0.0.1:9/v1", tmp_path)) as one:
        with pytest.raises(ProviderDownError, match="cannot be reached"):
            await one.gateway.ask(text_question())
        assert await outcomes(one) == [("not_sent", None)] * 3
        assert one.gateway.usage.tokens == 0


async def test_an_answer_that_does_not_come_in_time_is_given_up_and_charged(server, tmp_path):
    server.reply(replies.slow(3), replies.slow(3), replies.slow(3))
    async with bench(flow(server.url, tmp_path, read_timeout=0.1)) as one:
        with pytest.raises(ProviderDownError, match="ReadTimeout"):
            await one.gateway.ask(text_question())
        assert await outcomes(one) == [("lost", None)] * 3
        assert one.gateway.usage.tokens >= server.billed


async def test_broken_answers_end_in_an_error_of_their_own_as_the_provider_is_up(server, tmp_path):
    server.behaviour.script = lambda body, number: replies.truncated_json()
    async with bench(flow(server.url, tmp_path)) as one:
        with pytest.raises(AnswerInvalidError):
            await one.gateway.ask(text_question())
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("reply", "text"), [(replies.as_parts(), "ACME"), (replies.fenced(), "```json")]
)
async def test_content_in_parts_or_fences_is_read(server, tmp_path, reply, text):
    server.reply(reply)
    async with bench(flow(server.url, tmp_path)) as one:
        answer = await one.gateway.ask(page_question())
    assert text in answer.text
    assert "Let me look" not in answer.text


async def test_a_dead_provider_is_found_out_once_for_all_calls(server, tmp_path):
    server.behaviour.script = lambda body, number: replies.server_error(503)
    async with bench(flow(server.url, tmp_path)) as one:
        with pytest.raises(ProviderDownError, match="tried 3 times"):
            await one.gateway.ask(page_question())
        with pytest.raises(ProviderDownError, match="is down"):
            await one.gateway.ask(page_question(2))
    assert len(server.requests) == 3


def test_the_breaker_lets_one_call_try_after_a_while_and_closes_with_its_answer():
    now = [100.0]
    breaker = Breaker("http://x/v1", clock=lambda: now[0])
    breaker.gave_up(99.0, "HTTP 503")
    with pytest.raises(ProviderDownError, match="HTTP 503"):
        breaker.check()
    now[0] += 31
    breaker.check()
    with pytest.raises(ProviderDownError):  # the others still wait for that one
        breaker.check()
    breaker.answered()
    breaker.check()


def test_one_bad_page_does_not_open_the_breaker_while_others_are_answered():
    breaker = Breaker("http://x/v1", clock=lambda: 100.0)
    breaker.answered()
    breaker.gave_up(99.0, "HTTP 500")
    breaker.check()


async def test_a_wait_longer_than_anyone_should_wait_defers_everything_at_once(server, tmp_path):
    server.reply(replies.rate_limited(3600))
    async with bench(flow(server.url, tmp_path)) as one:
        with pytest.raises(ProviderDownError, match="3600 s"):
            await one.gateway.ask(page_question())
        with pytest.raises(ProviderDownError, match="3600 s"):
            await one.gateway.ask(page_question(2))
    assert len(server.requests) == 1


async def test_rate_limit_waits_do_not_use_up_attempts(server, tmp_path):
    server.reply(*[replies.rate_limited(0.01, "fraction")] * 6)
    async with bench(
        flow(server.url, tmp_path, retry=RetrySpec(attempts=1, max_wait_seconds=0.01))
    ) as one:
        await one.gateway.ask(page_question())
    assert len(server.requests) == 7


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.25"}, 0.25),
        (
            {
                "retry-after": "Wed, 21 Oct 2026 07:28:05 GMT",
                "date": "Wed, 21 Oct 2026 07:28:00 GMT",
            },
            5.0,
        ),
        (
            {
                "retry-after": "Wed, 21 Oct 2020 07:28:05 GMT",
                "date": "Wed, 21 Oct 2026 07:28:00 GMT",
            },
            0.0,
        ),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "inf"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_both_forms(headers, seconds):
    assert retry_after_seconds(headers) == seconds


def test_a_retry_date_without_a_date_of_the_answer_is_taken_by_our_clock():
    assert (
        retry_after_seconds(
            {"retry-after": email.utils.formatdate(1_000_030, usegmt=True)}, wall=1_000_000
        )
        == 30
    )


def test_backoff_doubles_up_to_the_limit_with_jitter():
    retry = RetrySpec(max_wait_seconds=3)
    waits = [backoff_seconds(retry, failures) for failures in (1, 2, 3, 4, 500) for _ in range(50)]
    assert all(0.25 <= wait <= 3 for wait in waits)
    assert len(set(waits)) > 200
    assert min(waits[-50:]) >= 1.5


class Sends:
    """Notes when the client sends and what pauses it was told, by the client's own clock: a loaded
    machine delays a server's view of both."""

    def __init__(self, client) -> None:
        self.sent: list[float] = []
        self.pauses: list[tuple[float, float]] = []
        post, pause = client._http.post, client._limiter.pause

        async def noted_post(*args, **options):
            self.sent.append(time.monotonic())
            return await post(*args, **options)

        def noted_pause(seconds: float) -> None:
            self.pauses.append((time.monotonic(), time.monotonic() + seconds - MARGIN_SECONDS))
            pause(seconds)

        client._http.post, client._limiter.pause = noted_post, noted_pause

    def early(self) -> list[float]:
        return [
            end - sent for sent in self.sent for begin, end in self.pauses if begin < sent < end
        ]


async def test_a_storm_of_rate_limits_loses_no_page_and_starts_nothing_in_an_announced_pause(
    server, tmp_path
):
    chance = random.Random(3)

    def storm(body, number):
        if number in (5, 40):  # whole seconds in both forms
            return replies.rate_limited(0.5, "seconds" if number == 5 else "date")
        if chance.random() < 0.5 and number < 200:
            return replies.rate_limited(
                chance.uniform(0.02, 0.12), chance.choice(["fraction", "none"])
            )
        return None

    server.behaviour.script, server.behaviour.latency = storm, 0.01
    limits = ProviderLimits(concurrency=16)
    async with bench(
        flow(
            server.url,
            tmp_path,
            retry=RetrySpec(attempts=2, max_wait_seconds=0.05, document_seconds=60),
            limits=limits,
        )
    ) as one:
        await one.gateway.ask(page_question(61))
        sends = Sends(one.buyer._client)
        answers = await asyncio.gather(
            *(one.gateway.ask(page_question(number)) for number in range(1, 61))
        )
        waits = one.gateway.waits
    assert len(answers) == 60
    assert sum(entry.status == 429 for entry in server.requests) > 20
    assert waits.rate_limits == sum(entry.status == 429 for entry in server.requests)
    assert waits.paused_seconds >= 1  # the pause of a whole second at least
    assert len(sends.pauses) > 10
    assert sends.early() == []
    for told in (
        entry
        for entry in server.requests
        if entry.reply == "429" and (entry.quiet_until or 0) - entry.answered > 0.4
    ):
        assert not [
            entry
            for entry in server.requests
            if told.answered + 0.3 < entry.started < told.quiet_until
        ]


async def test_requests_per_second_is_kept(server, tmp_path):
    limits = ProviderLimits(requests_per_second=25.0)
    async with bench(flow(server.url, tmp_path, limits=limits)) as one:
        await asyncio.gather(*(one.gateway.ask(text_question(str(number))) for number in range(8)))
    starts = sorted(entry.started for entry in server.requests)
    assert (
        starts[-1] - starts[0] >= 7 / 25 * 0.6
    )  # without a limit it is next to nothing; a loaded machine sees the first one late


async def test_no_more_requests_are_in_flight_than_allowed(server, tmp_path):
    server.behaviour.latency = 0.03
    async with bench(flow(server.url, tmp_path, limits=ProviderLimits(concurrency=3))) as one:
        await asyncio.gather(*(one.gateway.ask(text_question(str(number))) for number in range(12)))
    assert server.most_in_flight == 3


async def test_faults_end_in_an_answer_or_a_named_error_and_the_ledger_counts_every_call(
    server, tmp_path
):
    server.behaviour.fault_rates = {
        "500": 0.05,
        "502_html": 0.05,
        "429_bare": 0.05,
        "reset_before": 0.05,
        "reset_after": 0.05,
        "reset_mid": 0.05,
        "truncated": 0.05,
        "no_usage": 0.05,
    }
    async with bench(
        flow(server.url, tmp_path, retry=RetrySpec(attempts=4, max_wait_seconds=0.01)),
        tokens=2_000_000,
    ) as one:
        results = await asyncio.gather(
            *(one.gateway.ask(page_question(number)) for number in range(1, 81)),
            return_exceptions=True,
        )
        assert all(
            not isinstance(result, BaseException) or isinstance(result, ModelError)
            for result in results
        )
        assert sum(not isinstance(result, BaseException) for result in results) > 70
        assert server.billed <= one.gateway.usage.tokens <= 2_000_000


async def test_a_model_that_is_gone_is_no_attempt_of_the_next_one(server, tmp_path):
    server.reply(
        replies.model_gone("pixtral-large-latest"), replies.server_error(), replies.server_error()
    )
    async with bench(flow(server.url, tmp_path)) as one:
        assert (await one.gateway.ask(page_question())).model == "mistral-large-2512"


async def test_a_vllm_server_that_does_not_know_the_model_answers_404(server, tmp_path):
    body = (
        b'{"object":"error","message":"The model `x` does not '
        b'exist.","type":"NotFoundError","param":null,"code":404}'
    )
    server.reply(replies.Reply("404", 404, body), replies.Reply("404", 404, body))
    async with bench(flow(server.url, tmp_path)) as one:
        with pytest.raises(ModelGoneError):
            await one.gateway.ask(page_question())


async def test_a_deprecated_model_is_told_once(server, tmp_path):
    server.reply(replies.deprecated(), replies.deprecated())
    async with bench(flow(server.url, tmp_path)) as one:
        await one.gateway.ask(page_question())
        await one.gateway.ask(page_question(2))
        assert len(one.warnings) == 1
    assert "2027-01-31" in one.warnings[0]


@pytest.mark.parametrize("key", ["two words", "ключ", "a\nb"])
async def test_a_value_that_can_be_no_key_is_refused_without_quoting_it(server, tmp_path, key):
    async with bench(flow(server.url, tmp_path), key=key) as one:
        with pytest.raises(CallError, match="MISTRAL_API_KEY") as caught:
            await one.gateway.ask(page_question())
    assert key not in repr(caught.value)
    assert server.requests == []


async def test_white_space_around_a_key_is_no_part_of_it(server, tmp_path):
    server.behaviour.api_key = "sk-1"
    async with bench(flow(server.url, tmp_path), key=" sk-1\n") as one:
        await one.gateway.ask(page_question())


async def test_a_retry_after_of_zero_does_not_hammer(server, tmp_path):
    server.reply(*[replies.rate_limited(0)] * 4)
    retry = RetrySpec(max_wait_seconds=0.1)
    async with bench(flow(server.url, tmp_path, retry=retry)) as one:
        started = time.perf_counter()
        await one.gateway.ask(page_question())
    assert time.perf_counter() - started >= 4 * 0.05


async def test_an_answer_cut_before_its_first_word_is_cut_and_not_broken(server, tmp_path):
    server.reply(replies.content("", "length"))
    async with bench(flow(server.url, tmp_path)) as one:
        assert (await one.gateway.ask(page_question())).is_cut


async def test_a_call_cancelled_while_it_waits_for_a_pause_costs_nothing_and_holds_nothing(
    server, tmp_path
):
    async with bench(flow(server.url, tmp_path), tokens=6_000) as one:
        await one.gateway.ask(text_question("first"))
        one.buyer._client._limiter.pause(60)
        waiting = asyncio.create_task(one.gateway.ask(text_question("second")))
        await asyncio.sleep(0.1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        one.buyer._client._limiter._paused_until = 0.0
        for number in range(3):  # would wait for ever, were a reservation still held
            await asyncio.wait_for(one.gateway.ask(text_question(f"third {number}")), 5)
        assert one.gateway.usage.tokens == server.billed
