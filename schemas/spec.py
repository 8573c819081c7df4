"""What every model of flows.yaml has in common: strict types, no unknown keys, frozen."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

NAME_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"  # a flow is an attribute of a Python module, so its name is an identifier

Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=64)]
PositiveInt = Annotated[int, Field(gt=0)]


class Spec(BaseModel):
    """Base of everything in flows.yaml: strict types, no unknown keys, frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
