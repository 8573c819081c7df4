"""Steps of the user's own, from `path.py:function` in flows.yaml to the call."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipelines.loading import load_flow
from pipelines.running.step import call_directly
from schemas.document import Document
from schemas.errors import CallError, StepError
from schemas.flow import STEP_SETTINGS
from schemas.record import Draft
from tasks.steps.registry import STEPS
from tests.support.flow_files import flow_with_steps, only_problem, problems, write

OWN = """
from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from schemas.record import Draft

if TYPE_CHECKING:
    from tasks.services import Services


async def add(draft: Draft, *, rate: Decimal, name: str = "cost_centre") -> Draft:
    return draft.model_copy(update={"record": {**draft.record, name: str(rate * 2)}})


async def shared(draft: Draft, services) -> Draft:
    return draft.model_copy(update={"record": {"run": services}})


async def hinted(draft: Draft, *, services: Services, limit: int) -> Draft:
    return draft


async def anything(draft: Draft, **settings) -> Draft:
    return draft.model_copy(update={"record": settings})


async def nothing(draft: Draft) -> None:
    pass


async def typed(draft: Draft, *, path: object) -> Draft:
    return draft


async def breaks(draft: Draft) -> Draft:
    raise ValueError("the text of a page")


async def leaves(draft: Draft) -> Draft:
    raise SystemExit(5)


async def puts_a_decimal(draft: Draft) -> Draft:
    return draft.model_copy(update={"record": {"total": [Decimal(1)]}})


def plain(draft: Draft) -> Draft:
    return draft


async def bare() -> None: ...
"""


def draft() -> Draft:
    return Draft(
        document=Document(
            document_id="0" * 64, path=Path("/x.pdf"), media_type="application/pdf", size_bytes=1
        ),
        record={"a": 1},
    )


def with_step(tmp_path: Path, step: str) -> Path:
    write(tmp_path, OWN, "steps/own.py")
    return write(tmp_path, flow_with_steps("render", step))


async def call(path: Path, services: Any = None) -> Draft:
    step = load_flow(path, "orders", local=True).steps[-1]
    return await call_directly(step, draft(), services)


async def test_settings_arrive_as_the_function_s_types_say(tmp_path):
    result = await call(with_step(tmp_path, "steps/own.py:add: {rate: 1.25}"))
    assert result.record == {"a": 1, "cost_centre": "2.50"}


async def test_services_are_handed_over_when_asked_for(tmp_path):
    assert (await call(with_step(tmp_path, "steps/own.py:shared"), services="r1")).record == {
        "run": "r1"
    }


async def test_a_function_may_take_any_settings(tmp_path):
    assert (await call(with_step(tmp_path, "steps/own.py:anything: {a: [1, {b: c}]}"))).record == {
        "a": [1, {"b": "c"}]
    }


async def test_a_step_that_returns_no_draft_is_told(tmp_path):
    with pytest.raises(
        StepError, match=r"steps/own.py:nothing returned NoneType; a step returns the draft"
    ):
        await call(with_step(tmp_path, "steps/own.py:nothing"))


@pytest.mark.parametrize(("step", "error"), [("breaks", "ValueError"), ("leaves", "SystemExit")])
async def test_a_step_that_breaks_is_told_by_type_and_line_without_its_words(tmp_path, step, error):
    with pytest.raises(
        StepError, match=rf"^steps/own.py:{step} raised {error} at steps/own.py:\d+$"
    ):
        await call(with_step(tmp_path, f"steps/own.py:{step}"))


async def test_a_record_that_is_no_json_is_told(tmp_path):
    with pytest.raises(
        StepError, match=r"own.py:puts_a_decimal put a value of type Decimal into the record"
    ):
        await call(with_step(tmp_path, "steps/own.py:puts_a_decimal"))


async def test_the_same_function_twice_has_its_own_settings_each_time(tmp_path):
    write(tmp_path, OWN, "steps/own.py")
    path = write(
        tmp_path,
        flow_with_steps("render", "steps/own.py:anything: {a: 1}", "steps/own.py:anything: {b: 2}"),
    )
    first, second = load_flow(path, "orders", local=True).steps[1:]
    assert (first.settings, second.settings) == ({"a": 1}, {"b": 2})


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (
            "steps/own.py:add",
            "6:9: flows.orders.steps.steps/own.py:add: the setting `rate` is missing; add needs it",
        ),
        (
            "steps/own.py:add: {rate: x}",
            "6:28: flows.orders.steps.steps/own.py:add.rate: must be a valid decimal, found 'x'",
        ),
        (
            "steps/own.py:add: {rate: 1, nme: x}",
            (
                "6:37: flows.orders.steps.steps/own.py:add.nme: unknown setting of add; did "
                "you mean `name`?"
            ),
        ),
        (
            "steps/own.py:shared: {services: 1}",
            (
                "6:31: flows.orders.steps.steps/own.py:shared.services: unknown setting of "
                "shared; known: none"
            ),
        ),
        (
            "steps/own.py:plain",
            (
                "must be an async function, `async def name(draft: Draft, *, setting, ...) -> "
                "Draft`; found function"
            ),
        ),
        ("steps/own.py:bare", "must take the draft as its first argument"),
        ("steps/own.py:ad", "steps/own.py has no `ad`; did you mean `add`?"),
        ("steps/none.py:add", "cannot read steps/none.py: No such file or directory"),
        ("steps/own.py:add: [1]", "must be a mapping of keys to values, found a list"),
    ],
)
def test_a_wrong_step_of_one_s_own_is_a_problem_at_load(tmp_path, step, message):
    assert message in only_problem(with_step(tmp_path, step))


def test_types_for_the_type_checker_only_do_not_hinder(tmp_path):
    assert problems(with_step(tmp_path, "steps/own.py:hinted: {limit: 3}")) == []


def test_an_unknown_flow_is_told_with_the_nearest_name(tmp_path):
    with pytest.raises(CallError, match="has no flow `order`; did you mean `orders`") as error:
        load_flow(with_step(tmp_path, "steps/own.py:nothing"), "order")
    assert error.value.exit_code == 2


def test_local_takes_the_offline_engine_whatever_the_flow_says(tmp_path):
    path = with_step(tmp_path, "steps/own.py:nothing")
    assert [load_flow(path, "orders", local=local).engine for local in (False, True)] == [
        "mistral",
        "local",
    ]


def test_the_database_url_of_the_environment_goes_first(tmp_path, monkeypatch):
    path = write(
        tmp_path,
        flow_with_steps("render", "extract", head="state: sqlite:///a.db\n").replace(
            "      - extract\n", ""
        ),
    )
    monkeypatch.delenv("DOCMILL_STATE", raising=False)
    assert load_flow(path, "orders").state_url == "sqlite:///a.db"
    monkeypatch.setenv("DOCMILL_STATE", "postgresql://u:p@h/d")
    assert load_flow(path, "orders").state_url == "postgresql://u:p@h/d"


def flow(steps: str, rest: str = "") -> str:
    return f"version: 1\nflows:\n  orders:\n    steps: [{steps}]\n{rest}"


MODELS = "models:\n  vision: [pixtral-large-latest]\n  text: [{text}]\n"
FULL = "einvoice, render, summarise: {schema: 'order.py:Order'}, check"


@pytest.fixture
def hash_of(tmp_path, monkeypatch):
    monkeypatch.delenv("DOCMILL_STATE", raising=False)
    write(
        tmp_path,
        "from pydantic import BaseModel\nclass Order(BaseModel):\n    number: str\n",
        "order.py",
    )
    write(tmp_path, OWN, "steps/own.py")

    def hash_of(text: str, *, local: bool = False) -> str:
        return load_flow(write(tmp_path, text), "orders", local=local).hash

    return hash_of


def test_the_hash_stays_for_what_does_not_decide_the_result(hash_of):
    same = {
        hash_of(flow(FULL)),
        hash_of(
            flow(
                "einvoice: {}, render: , summarise: {schema: 'order.py:Order', model: "
                "text}, check: {review_below: 0.8}"
            )
        ),
        hash_of(
            flow(
                FULL,
                "    budget: {tokens: 5}\n    source: {folder: x}\n    concurrency: "
                "{pages: 2}\n    retry: {attempts: 1}\n",
            )
        ),
        hash_of(flow(FULL + ", write: {jsonl: a.jsonl}")),
        hash_of(flow(FULL.replace("render", "render: {page_seconds: 3, memory_mb: 512}"))),
    }
    assert len(same) == 1


def test_the_hash_changes_with_what_decides_the_result(hash_of, tmp_path):
    hashes = [
        hash_of(flow(FULL)),
        hash_of(flow(FULL), local=True),
        hash_of(flow(FULL, MODELS.format(text="mistral-small-2603"))),
        hash_of(flow(FULL.replace("render", "render: {max_side_px: 800}"))),
        hash_of(flow(FULL.replace(", check", ""))),
        hash_of(flow(FULL + ", steps/own.py:nothing")),
        hash_of(flow(FULL + ", steps/own.py:anything: {a: 1}")),
        hash_of(flow(FULL + ", steps/own.py:anything: {a: 2}")),
    ]
    write(tmp_path, "Be brief.", "p.md")
    hashes.append(hash_of(flow(FULL.replace("'order.py:Order'", "'order.py:Order', prompt: p.md"))))
    write(tmp_path, OWN + "# changed", "steps/own.py")
    hashes.append(hash_of(flow(FULL + ", steps/own.py:nothing")))
    write(
        tmp_path,
        "from pydantic import BaseModel\nclass Order(BaseModel):\n    number: int\n",
        "order.py",
    )
    hashes.append(hash_of(flow(FULL)))
    assert len(set(hashes)) == len(hashes)
    assert all(len(value) == 64 for value in hashes)


def test_with_the_local_engine_model_ids_and_prompts_decide_nothing(hash_of):
    assert hash_of(flow(FULL, MODELS.format(text="a")), local=True) == hash_of(
        flow(FULL, MODELS.format(text="b")), local=True
    )


def test_a_role_that_the_flow_does_not_use_decides_nothing(hash_of):
    assert hash_of(flow(FULL, MODELS.format(text="a") + "  spare: [b]\n")) == hash_of(
        flow(FULL, MODELS.format(text="a"))
    )


def test_each_built_in_step_is_a_function_of_the_same_name():
    assert [*STEPS, "write"] == list(STEP_SETTINGS)
    assert [function.__name__ for function in STEPS.values()] == list(STEPS)


def test_decimal_is_exact_in_settings(tmp_path):
    step = load_flow(
        with_step(tmp_path, "steps/own.py:add: {rate: 0.1}"), "orders", local=True
    ).steps[-1]
    assert step.settings == {"rate": Decimal("0.1")}
