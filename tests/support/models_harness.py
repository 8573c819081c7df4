"""A gateway over a real ledger and a real server, for the tests of the models and of the steps that
use them."""

import base64
import io
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from PIL import Image
from pydantic import BaseModel, SecretStr

from schemas.document import PageImage, RenderSettings
from schemas.flow import (
    BudgetSpec,
    ExtractSettings,
    FlowSpec,
    ModelSpec,
    ProviderLimits,
    ProviderSpec,
    RenderSettingsSpec,
    RetrySpec,
    StepSpec,
    SummariseSettings,
)
from tasks.flow_definition import FlowDefinition, Step
from tasks.ledger.ledger import Ledger
from tasks.ledger.money.calls import CallBook
from tasks.models.gateway import ModelGateway, Question
from tasks.models.http.wire import Turn
from tasks.models.provider_buyer import ProviderBuyer

KEY = "sk-very-secret-7f3a"
QUICK = RetrySpec(attempts=3, max_wait_seconds=0.01, document_seconds=20.0)
MODELS = {
    "vision": ("pixtral-large-latest", "mistral-large-2512"),
    "text": ("mistral-large-latest",),
}


def flow(
    url: str,
    folder: Path,
    *,
    retry: RetrySpec = QUICK,
    limits: ProviderLimits | None = None,
    models: Mapping[str, tuple[str, ...]] = MODELS,
    catalogue: Mapping[str, ModelSpec] | None = None,
    schema: type[BaseModel] | None = None,
    render: RenderSettingsSpec | None = None,
    read_timeout: float = 10.0,
    engine: Any = "mistral",
) -> FlowDefinition:
    provider = ProviderSpec(
        base_url=url,
        limits=limits or ProviderLimits(),
        read_timeout_seconds=read_timeout,
        connect_timeout_seconds=2.0,
    )
    settings = (
        render or RenderSettingsSpec(),
        ExtractSettings(),
        SummariseSettings(fields={"number": "string"}),
    )
    steps = tuple(
        Step(name, one)
        for name, one in zip(("render", "extract", "summarise"), settings, strict=True)
    )
    spec = FlowSpec(
        steps=tuple(StepSpec(name=step.name, settings=step.settings) for step in steps), retry=retry
    )
    return FlowDefinition(
        name="invoices",
        spec=spec,
        folder=folder,
        engine=engine,
        steps=steps,
        provider=provider,
        provider_name="mistral",
        models=models,
        catalogue=catalogue or {},
        schema=schema,
    )


@dataclass
class Bench:
    """What a test looks at: the gateway, the book behind it, and the warnings that were given."""

    gateway: ModelGateway
    buyer: ProviderBuyer
    calls: CallBook
    ledger: Ledger
    flow: FlowDefinition
    warnings: list[str] = field(default_factory=list)

    @property
    def models(self) -> ModelGateway | None:
        """As in a run: the local engine has no gateway."""
        return None if self.flow.engine == "local" else self.gateway


@asynccontextmanager
async def bench(
    definition: FlowDefinition,
    *,
    key: str | None = KEY,
    tokens: int | None = None,
    cost: int | None = None,
    fresh: bool = False,
) -> AsyncIterator[Bench]:
    warnings: list[str] = []
    budget = BudgetSpec(tokens=tokens, cost=cost, per="total") if tokens or cost else None
    async with await Ledger.open(None, definition.folder) as ledger:
        calls = CallBook(
            ledger,
            flow=definition.name,
            run_id="run-1",
            budget=budget,
            max_tokens=None,
            max_cost_nano=None,
            on_warning=warnings.append,
            fresh=fresh,
        )
        async with ProviderBuyer(
            definition, calls, SecretStr(key) if key else None, on_warning=warnings.append
        ) as buyer:
            gateway = ModelGateway(definition, calls, buyer, on_warning=warnings.append)
            yield Bench(gateway, buyer, calls, ledger, definition, warnings)


def picture(width: int = 64, height: int = 32, shade: int = 200) -> PageImage:
    buffer = io.BytesIO()
    Image.new("L", (width, height), shade).save(buffer, "PNG")
    return PageImage(buffer.getvalue(), "image/png", width, height)


class Pictures:
    """Makes page images and counts how often it was asked."""

    def __init__(self) -> None:
        self.made: list[tuple[int, int]] = []

    async def __call__(self, number: int, render: RenderSettings) -> PageImage | None:
        self.made.append((number, render.max_side_px))
        return picture(shade=number % 256)


def page_question(number: int = 1, *, image_of: Any = None, **changes: Any) -> Question:
    question = Question(
        document_id="d" * 64,
        step="extract",
        role="vision",
        system="Read.",
        turns=(Turn("user", f"page {number}"),),
        max_tokens=400,
        temperature=0.0,
        page_numbers=(number,),
        image_pages=(number,),
        image_of=image_of or Pictures(),
    )
    return replace(question, **changes)


def text_question(text: str = "Invoice INV-0000002A", **changes: Any) -> Question:
    question = Question(
        document_id="d" * 64,
        step="summarise",
        role="text",
        system="Fill.",
        turns=(Turn("user", text),),
        max_tokens=400,
        temperature=0.0,
        page_numbers=(1,),
    )
    return replace(question, **changes)


def decoded_images(body: Mapping[str, Any]) -> list[bytes]:
    parts = [
        part
        for message in body["messages"]
        for part in (message["content"] if isinstance(message["content"], list) else [])
    ]
    return [
        base64.b64decode(part["image_url"]["url"].partition(",")[2])
        for part in parts
        if part["type"] == "image_url"
    ]
