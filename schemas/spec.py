"""What every model of flows.yaml has in common: strict types, no unknown keys, frozen."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

NAME_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"  # a flow is an attribute of a Python module, so its name is an identifier

ENVIRONMENT_PATTERN = r"^[A-Z_][A-Z0-9_]*$"  # capitals only, so that a key pasted here by mistake is refused
URL_PATTERN = r"^https?://[^@/\s]+(/\S*)?$"  # no `user:password@`: secrets are named, never written

Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=64)]
EnvironmentName = Annotated[str, Field(pattern=ENVIRONMENT_PATTERN, max_length=128)]
PositiveInt = Annotated[int, Field(gt=0)]


class Spec(BaseModel):
    """Base of everything in flows.yaml: strict types, no unknown keys, frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
