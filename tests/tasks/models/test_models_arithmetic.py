"""Are tokens, money and the shape of a request what the published rules say?"""

import asyncio
import json
import warnings
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AliasChoices, BaseModel, Field, create_model, field_validator

from schemas.errors import ModelGoneError
from schemas.flow import ModelSpec, ProviderLimits
from schemas.invoice import Invoice
from schemas.receipt import Receipt
from tasks.models.conversation import answers as reading
from tasks.models.http.limiter import Limiter
from tasks.models.price.catalogue import NEWER, PIXTRAL, Catalogue
from tasks.models.price.tokens import (
    PixelSize,
    estimated_text_tokens,
    image_tokens,
    image_tokens_bound,
    prompt_bound,
)
from tasks.models.roles import Roles, in_order
from tasks.record_schema.nullable import nullable, read_json, schema_for_model, schema_json
from tests.support.fake_mistral import counting
from tests.support.models_harness import flow

MISTRAL = "https://api.mistral.ai/v1"
ELSEWHERE = "http://localhost:8000/v1"


def catalogue(
    url: str = MISTRAL, today: date = date(2026, 11, 23), **overrides: ModelSpec
) -> Catalogue:
    return Catalogue(overrides, url, today)


# --- tokens


@pytest.mark.parametrize(
    ("size", "rule", "tokens"),
    [
        ((1024, 1024), PIXTRAL, 4160),
        ((724, 1024), PIXTRAL, 3008),  # A4, also at any larger size
        ((2480, 3508), PIXTRAL, 3008),
        ((791, 1024), PIXTRAL, 3264),  # US letter
        ((1540, 1540), NEWER, 3080),
        ((2480, 3508), NEWER, 2200),
        ((1024, 683), NEWER, 950),  # the documentation's picture
        ((1, 1), PIXTRAL, 2),
        ((1, 5000), PIXTRAL, 128),
    ],
)
def test_image_tokens_follow_the_published_rule(size, rule, tokens):
    assert image_tokens(PixelSize(*size), rule) == tokens


@given(st.integers(1, 10_000), st.integers(1, 10_000), st.sampled_from([PIXTRAL, NEWER]))
def test_image_tokens_agree_with_the_servers_own_count(width, height, rule):
    assert image_tokens(PixelSize(width, height), rule) == counting.image_tokens(
        width, height, rule.cell_px, rule.max_side_px
    )


def test_an_unknown_model_needs_a_limit_of_its_own():
    model = catalogue(house=ModelSpec(image_tokens_max=5000)).model("house")
    assert image_tokens_bound(PixelSize(100, 100), model) == 5000
    assert model.image_bound_known
    assert not catalogue().model("house").image_bound_known


@given(st.text(max_size=300))
def test_the_bound_is_never_below_a_real_count(text):
    bound = prompt_bound([text], "", [], catalogue().model("mistral-large-2512"))
    assert bound >= counting.text_tokens(text) + 2 * counting.TEMPLATE_TOKENS
    assert bound >= estimated_text_tokens(text)


# --- catalogue


def test_aliases_have_the_facts_of_their_model():
    large, pixtral = (
        catalogue().model("mistral-large-latest"),
        catalogue().model("pixtral-large-latest"),
    )
    assert (large.id, large.context_tokens, large.max_side_px) == (
        "mistral-large-latest",
        262_144,
        1540,
    )
    assert (pixtral.retired, pixtral.replacement, pixtral.max_side_px) == (
        date(2026, 5, 31),
        "mistral-medium-3-5",
        1024,
    )


def test_money_is_whole_nano_dollars_and_cached_tokens_cost_a_tenth():
    price = catalogue().model("mistral-small-latest").price
    assert price.cost_nano(1000, 100) == 1000 * 150 + 100 * 600
    assert price.cost_nano(1000, 0, cached_tokens=600) == 400 * 150 + 600 * 15
    assert (
        catalogue("https://api.eu.mistral.ai/v1")
        .model("mistral-small-latest")
        .price.cost_nano(1000, 0)
        == 165_000
    )


def test_retirement_counts_at_mistral_only_and_from_its_day_on():
    assert catalogue().is_retired("pixtral-large-latest")
    assert not catalogue(ELSEWHERE).is_retired("pixtral-large-latest")
    assert not catalogue(today=date(2026, 5, 30)).is_retired("pixtral-large-latest")


def test_flows_yaml_goes_before_the_table():
    spec = ModelSpec(input_per_million=Decimal(9), max_side_px=700, context_tokens=1000)
    model = catalogue(**{"mistral-large-2512": spec}).model("mistral-large-2512")
    assert model.price.cost_nano(1, 1) == 9000 + 1500
    assert (model.max_side_px, model.context_tokens, model.image_rule) == (700, 1000, NEWER)


def test_weights_are_known_by_their_name_but_have_no_price():
    model = catalogue(ELSEWHERE).model("mistralai/Pixtral-12B-2409")
    assert (model.image_rule, model.price) == (PIXTRAL, None)


# --- roles


def test_retired_ids_come_last_and_a_stored_result_first():
    models = ["pixtral-large-latest", "mistral-large-2512", "ministral-8b-latest"]
    assert in_order(models, None, catalogue())[0] == "mistral-large-2512"
    assert in_order(models, None, catalogue())[-1] == "pixtral-large-latest"
    assert in_order(models, None, catalogue(ELSEWHERE)) == tuple(models)
    assert in_order(models, "ministral-8b-latest", catalogue())[0] == "ministral-8b-latest"
    assert in_order(models, "not-in-the-list", catalogue(ELSEWHERE))[0] == "pixtral-large-latest"


async def test_a_retired_first_choice_is_said_before_anything_is_asked(tmp_path):
    said: list[str] = []
    roles = Roles(flow(MISTRAL, tmp_path), None, said.append)
    assert (await roles.candidates("vision"))[0] == "mistral-large-2512"
    assert len(said) == 1
    assert "retired on 2026-05-31" in said[0]


async def test_the_advice_names_the_replacement_that_the_list_lacks(tmp_path):
    said: list[str] = []
    roles = Roles(flow(ELSEWHERE, tmp_path), None, said.append)
    await roles.candidates("vision")
    await roles.gone("vision", "pixtral-large-latest", ModelGoneError("gone", status=400))
    await roles.gone("vision", "pixtral-large-latest", ModelGoneError("gone", status=400))
    assert len(said) == 1
    assert "mistral-medium-3-5" in said[0]


# --- schema


class Colour(StrEnum):
    RED = "red"


class Part(BaseModel):
    amount: Decimal = Field(ge=0, max_digits=6)
    inner: "Part | None" = None


class Odd(BaseModel):
    renamed: str = Field(alias="Re-named", pattern="^x")
    several: Annotated[int | str, Field(validation_alias=AliasChoices("a", "b"))]
    colour: Colour
    kind: Literal["a", "b"]
    parts: list[Part]
    maybe_parts: tuple[Part, ...] | None = None
    table: dict[str, Decimal] = {}
    when: date | None = None
    strict_flag: bool

    @field_validator("kind")
    @classmethod
    def _never(cls, value: str) -> str:
        raise ValueError("only for check")


def nulls_are_allowed(node, root) -> bool:
    if "$ref" in node:
        return False
    options = node.get("anyOf", [node])
    return any(option.get("type") == "null" for option in options)


@pytest.mark.parametrize("schema", [Invoice, Receipt, Odd])
def test_every_leaf_is_nullable_and_objects_are_closed(schema):
    sent = schema_for_model(schema)
    jsonschema.Draft202012Validator.check_schema(sent)
    for part in [sent, *sent.get("$defs", {}).values()]:
        if part.get("type") != "object":
            continue
        assert part["additionalProperties"] is False
        for child in part["properties"].values():
            assert child.get("type") == "array" or nulls_are_allowed(child, sent)
    assert "pattern" not in schema_json(schema)
    assert '"title"' not in schema_json(schema).replace('"title":{', "")


@pytest.mark.parametrize("schema", [Invoice, Receipt, Odd])
def test_an_empty_answer_satisfies_what_is_sent_apart_from_required_names(schema):
    sent = schema_for_model(schema)
    empty = json.loads(json.dumps(reading.empty_record(schema)))
    jsonschema.validate(empty, sent)


def test_odd_schemas_are_read_with_their_own_names():
    read = reading.read_answer(
        '{"Re-named": 12, "several": 3, "colour": "red", "kind": "a", "parts": [{"amount": '
        '12.50, "inner": {"amount": -1}}], "table": {"x": 1.10}}',
        Odd,
    )
    assert read.problems == ()
    assert read.record["Re-named"] == "12"
    assert read.record["parts"][0] == {"amount": "12.50", "inner": {"amount": "-1", "inner": None}}
    assert read.record["table"] == {"x": "1.10"}
    assert read.record["strict_flag"] is None


def test_names_that_pydantic_uses_itself_are_fields_like_others():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        schema = create_model(
            "Shadowing", copy=(int, ...), json=(str, ...), model_name=(str | None, None)
        )
    read = reading.read_answer('{"copy": 2, "json": "x", "model_name": "m"}', schema)
    assert read.record == {"copy": 2, "json": "x", "model_name": "m"}


def test_a_schema_that_holds_itself_has_an_object_at_its_top():
    sent = schema_for_model(Part)
    assert sent["type"] == "object"
    assert sent["properties"]["inner"]["anyOf"][0] == {"$ref": "#/$defs/Part"}


def test_a_record_of_the_nullable_model_passes_the_users_schema_when_it_is_whole():
    read = reading.read_answer('{"amount": 3.10}', Part)
    assert Part.model_validate(read.record).amount == Decimal("3.10")
    assert nullable(Part) is nullable(Part)


def test_numbers_are_read_as_written():
    assert read_json('{"a": 0.10}') == {"a": Decimal("0.10")}


def test_merging_concatenates_lists_and_tells_conflicts():
    first = {"a": None, "b": "1", "c": {"d": "x"}, "l": [1]}
    second = {"a": "2", "b": "3", "c": {"d": "y"}, "l": [2]}
    assert reading.merge([first, second]) == (
        {"a": "2", "b": "1", "c": {"d": "x"}, "l": [1, 2]},
        ("b", "c.d"),
    )


def test_exact_values_stand_in_a_completed_record():
    exact = {"a": "1", "b": None, "l": [], "m": [{"x": "1"}], "c": {"d": "1", "e": None}}
    found = {
        "a": "2",
        "b": "2",
        "l": ["2"],
        "m": [{"x": "2"}, {"x": "3"}],
        "c": {"d": "2", "e": "2"},
    }
    assert reading.completed(exact, found) == {
        "a": "1",
        "b": "2",
        "l": ["2"],
        "m": [{"x": "1"}],
        "c": {"d": "1", "e": "2"},
    }
    assert [
        reading.is_open(exact, field) for field in ("a", "b", "l[0]", "m[1].x", "c.d", "c.e", "new")
    ] == [
        False,
        True,
        True,
        False,
        False,
        True,
        True,
    ]


# --- pace


class Clock:
    """Time that passes only while somebody waits."""

    now = 10.0

    def __call__(self) -> float:
        return self.now

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        self.now += max(seconds, 1e-6)  # less could be rounded away, and the wait never end

    def limiter(self, limits: ProviderLimits) -> Limiter:
        return Limiter(limits, self, self.wait)


def test_concurrency_goes_down_once_for_a_batch_of_rate_limits_and_slowly_up_again():
    clock = Clock()
    limiter = clock.limiter(ProviderLimits(concurrency=16))
    for _ in range(16):  # all in flight when the first was refused
        limiter.rate_limited(started=9.0)
    assert limiter.allowed == 11
    clock.now = 11.0
    limiter.rate_limited(started=10.5)
    assert limiter.allowed == 7
    for _ in range(8):
        limiter.answered(0, 0)
    assert limiter.allowed == 8
    for _ in range(1000):
        limiter.answered(0, 0)
    assert limiter.allowed == 16


async def test_tokens_per_minute_are_spread_and_corrected_by_the_real_usage():
    clock = Clock()
    limiter = clock.limiter(ProviderLimits(tokens_per_minute=60_000))
    for _ in range(3):
        async with limiter.slot(20_100):
            limiter.answered(20_100, 20_100)
    assert clock.now == pytest.approx(10.3)  # the last 300 tokens come at 1000 a second
    limiter.answered(30_000, 0)
    async with limiter.slot(20_000):
        assert clock.now == pytest.approx(10.3)  # 20 s more, had the account not been corrected


async def test_a_request_above_the_minutes_share_is_let_through_when_nothing_is_owed():
    clock = Clock()
    async with clock.limiter(ProviderLimits(tokens_per_minute=100)).slot(5000):
        assert clock.now == 10.0


async def test_a_running_pause_is_not_shortened():
    clock = Clock()
    limiter = clock.limiter(ProviderLimits())
    limiter.pause(60)
    limiter.pause(1)
    async with limiter.slot(0):
        assert clock.now == pytest.approx(70.0)


async def test_a_pause_that_begins_while_a_slot_is_held_is_waited_for():
    clock = Clock()
    limiter = clock.limiter(ProviderLimits())
    async with limiter.slot(0):
        limiter.pause(60)
        await limiter.pause_over()
        assert clock.now == pytest.approx(70.0)
