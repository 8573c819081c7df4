"""Check that a flow's budget can be enforced with its models.

That needs an upper bound for each call: in tokens and, for a cost budget, in money.
"""

from collections.abc import Iterator, Mapping

from schemas.flow import ExtractSettings, FlowFile, FlowSpec, SummariseSettings
from tasks.models.price.catalogue import Catalogue


def model_problems(
    flow_file: FlowFile, flow: FlowSpec, base_url: str
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Path below the flow, and message, for each model that cannot do what the flow asks of it."""
    if flow.engine == "local":
        return
    catalogue = Catalogue(flow_file.catalogue, base_url)
    for index, step in enumerate(flow.steps):
        if isinstance(step.settings, ExtractSettings | SummariseSettings):
            images = isinstance(step.settings, ExtractSettings)
            messages = _messages(
                flow_file.models.get(step.settings.model, ()), catalogue, flow, images=images
            )
            for key, message in messages.items():
                yield (
                    (("budget",) if key == "budget" else ("steps", index, step.name, "model")),
                    message,
                )


def _messages(
    ids: tuple[str, ...], catalogue: Catalogue, flow: FlowSpec, *, images: bool
) -> Mapping[str, str]:
    models = [catalogue.model(model_id) for model_id in ids]
    messages: dict[str, str] = {}
    for model in models:
        if images and not model.reads_images:
            messages["model"] = (
                f"`{model.id}` does not read images; name another model under `models:`"
            )
        elif flow.budget is not None and images and not model.image_bound_known:
            messages["budget"] = (
                f"cannot be kept with `{model.id}`: the cost of an image is not known; "
                f"give `catalogue: {{{model.id}: {{image_tokens_max: N}}}}`"
            )
        elif flow.budget is not None and flow.budget.cost is not None and model.price is None:
            messages["budget"] = (
                f"cannot be kept with `{model.id}`: its price is not known; give `catalogue: "
                f"{{{model.id}: {{input_per_million: USD, output_per_million: USD}}}}`, or a "
                "budget in tokens only"
            )
    return messages
