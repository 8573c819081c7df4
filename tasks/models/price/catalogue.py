"""Model catalogue: context, image rule, price, retirement.

A dated table that flows.yaml can override.

Source: Mistral's public model cards and lifecycle page, state of 2026-08-21;
https://docs.mistral.ai/getting-started/models/.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_CEILING, Decimal
from urllib.parse import urlsplit

from schemas.flow import ModelSpec

CATALOGUE_DATE = date(2026, 8, 21)
MISTRAL_HOSTS = ("api.mistral.ai", "api.eu.mistral.ai", "api.us.mistral.ai")
REGIONAL_SURCHARGE = Decimal(
    "1.1"
)  # api.eu and api.us; https://docs.mistral.ai, regional inference
CACHED_SHARE = Decimal("0.1")  # prompt tokens that the provider had cached cost a tenth
K = 1024


@dataclass(frozen=True, slots=True)
class ImageRule:
    """An image is shrunk to `max_side_px`, then cut into cells of `cell_px`; see
    `tasks.models.price.tokens.image_tokens`."""

    cell_px: int
    max_side_px: int


@dataclass(frozen=True, slots=True)
class Price:
    """USD per million tokens, which is the same number as micro-dollars per token."""

    input_per_million: Decimal
    output_per_million: Decimal

    def cost_nano(self, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0) -> int:
        """Whole nano-dollars, rounded up. `cached_tokens` are part of `prompt_tokens`."""
        prompt = prompt_tokens - cached_tokens * (1 - CACHED_SHARE)
        exact = (
            prompt * self.input_per_million + completion_tokens * self.output_per_million
        ) * 1000
        return int(exact.to_integral_value(ROUND_CEILING))


@dataclass(frozen=True, slots=True)
class Model:
    """One model as it was asked for. None: not known. `image_tokens_max` and `side_px` are set by
    flows.yaml and go before the rule."""

    id: str
    context_tokens: int | None = None
    image_rule: ImageRule | None = None
    image_tokens_max: int | None = None
    side_px: int | None = None
    price: Price | None = None
    retired: date | None = None
    replacement: str | None = None
    reads_images: bool = True

    @property
    def max_side_px(self) -> int:
        """Longest useful side of a page image; more pixels only cost upload, as the model shrinks
        them."""
        if self.side_px is not None:
            return self.side_px
        return self.image_rule.max_side_px if self.image_rule is not None else NEWER.max_side_px

    @property
    def image_bound_known(self) -> bool:
        """Whether the tokens of an image have a certain upper bound; without one the model may not
        run under a budget."""
        return self.image_rule is not None or self.image_tokens_max is not None


PIXTRAL = ImageRule(cell_px=16, max_side_px=1024)
NEWER = ImageRule(
    cell_px=28, max_side_px=1540
)  # Medium 3.5 and Small 4 are not in the published table; they are taken as their class


def _price(into: str, out: str) -> Price:
    return Price(Decimal(into), Decimal(out))


_TABLE: tuple[tuple[Model, tuple[str, ...]], ...] = (
    (
        Model("mistral-large-2512", 256 * K, NEWER, price=_price("0.5", "1.5")),
        ("mistral-large-latest",),
    ),
    (
        Model("mistral-medium-3-5", 256 * K, NEWER, price=_price("1.5", "7.5")),
        ("mistral-medium-3", "mistral-medium-latest"),
    ),
    (
        Model("mistral-small-2603", 256 * K, NEWER, price=_price("0.15", "0.6")),
        ("mistral-small-latest",),
    ),
    (
        Model("ministral-14b-2512", 256 * K, NEWER, price=_price("0.2", "0.2")),
        ("ministral-14b-latest",),
    ),
    (
        Model("ministral-8b-2512", 256 * K, NEWER, price=_price("0.15", "0.15")),
        ("ministral-8b-latest",),
    ),
    (
        Model("ministral-3b-2512", 256 * K, NEWER, price=_price("0.1", "0.1")),
        ("ministral-3b-latest",),
    ),
    (
        Model(
            "mistral-medium-2508",
            128 * K,
            NEWER,
            price=_price("0.4", "2"),
            retired=date(2026, 8, 31),
            replacement="mistral-medium-3-5",
        ),
        (),
    ),
    (
        Model(
            "mistral-medium-2505",
            128 * K,
            NEWER,
            price=_price("0.4", "2"),
            retired=date(2026, 8, 31),
            replacement="mistral-medium-3-5",
        ),
        (),
    ),
    (
        Model(
            "mistral-small-2506",
            128 * K,
            NEWER,
            price=_price("0.1", "0.3"),
            retired=date(2026, 7, 31),
            replacement="mistral-small-2603",
        ),
        (),
    ),
    (
        Model(
            "mistral-large-2411",
            128 * K,
            price=_price("2", "6"),
            retired=date(2026, 5, 31),
            replacement="mistral-medium-3-5",
            reads_images=False,
        ),
        ("mistral-large-instruct-2411",),
    ),
    (
        Model(
            "pixtral-large-2411",
            128 * K,
            PIXTRAL,
            price=_price("2", "6"),
            retired=date(2026, 5, 31),
            replacement="mistral-medium-3-5",
        ),
        ("pixtral-large-latest", "pixtral-large-instruct-2411"),
    ),
    (
        Model(
            "pixtral-12b-2409",
            128 * K,
            PIXTRAL,
            price=_price("0.15", "0.15"),
            retired=date(2025, 12, 31),
            replacement="ministral-14b-2512",
        ),
        ("pixtral-12b",),
    ),
    (
        Model(
            "open-mistral-nemo",
            128 * K,
            price=_price("0.15", "0.15"),
            retired=date(2026, 7, 31),
            replacement="ministral-8b-2512",
            reads_images=False,
        ),
        ("open-mistral-nemo-2407",),
    ),
)
_KNOWN: dict[str, Model] = {
    name: model for model, aliases in _TABLE for name in (model.id, *aliases)
}


class Catalogue:
    """The built-in table with the `catalogue:` of flows.yaml over it. `base_url` decides what is
    Mistral's own: its retirements, its regional price."""

    def __init__(
        self, overrides: Mapping[str, ModelSpec], base_url: str, today: date | None = None
    ) -> None:
        self._overrides = overrides
        self._host = urlsplit(base_url).hostname or ""
        # retirement days are given without a zone
        self._today = today or date.today()  # noqa: DTZ011

    def model(self, model_id: str) -> Model:
        """What is known of `model_id`; a model in no table has everything None. Weights named
        `owner/name` have a rule but no price."""
        published = _KNOWN.get(model_id)
        if published is None and "/" in model_id:
            weights = _KNOWN.get(model_id.rpartition("/")[2].lower())
            published = replace(weights, price=None) if weights is not None else None
        model = replace(published, id=model_id) if published is not None else Model(model_id)
        if model.price is not None and self._host in MISTRAL_HOSTS[1:]:
            price = Price(
                model.price.input_per_million * REGIONAL_SURCHARGE,
                model.price.output_per_million * REGIONAL_SURCHARGE,
            )
            model = replace(model, price=price)
        spec = self._overrides.get(model_id)
        return model if spec is None else _overridden(model, spec)

    def is_retired(self, model_id: str) -> bool:
        """Whether Mistral's own API has stopped serving it; other endpoints serve what they
        like."""
        retired = self.model(model_id).retired
        return self._host in MISTRAL_HOSTS and retired is not None and retired <= self._today


def _overridden(model: Model, spec: ModelSpec) -> Model:
    price = model.price
    if spec.input_per_million is not None and spec.output_per_million is not None:
        price = Price(spec.input_per_million, spec.output_per_million)
    elif price is not None:
        price = Price(
            price.input_per_million if spec.input_per_million is None else spec.input_per_million,
            price.output_per_million
            if spec.output_per_million is None
            else spec.output_per_million,
        )
    return replace(
        model,
        price=price,
        side_px=spec.max_side_px,
        image_tokens_max=spec.image_tokens_max,
        context_tokens=spec.context_tokens or model.context_tokens,
    )
