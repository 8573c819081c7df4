"""Base of every model of flows.yaml: strict types, no unknown keys, frozen."""

import re
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

NAME_PATTERN = r"^[A-Za-z][A-Za-z0-9_]*$"
"""An identifier: a flow is an attribute of a Python module, a field one of a pydantic model.

Both reserve names with a leading underscore.
"""

ENVIRONMENT_PATTERN = (
    r"^[A-Z_][A-Z0-9_]*$"  # capitals only, so that a key pasted here by mistake is refused
)
URL_PATTERN = r"^https?://[^@/\s]+(/\S*)?$"  # no `user:password@`: secrets are named, never written

Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=64)]
EnvironmentName = Annotated[str, Field(pattern=ENVIRONMENT_PATTERN, max_length=128)]
PositiveInt = Annotated[int, Field(gt=0)]


def _existing_timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(
            f"no such timezone; expected an IANA name such as Europe/Paris, found {name!r}"
        ) from error
    return name


def readable_url(text: str) -> str:
    """Returns `text` if it is the URL of an endpoint.

    Raises ValueError without quoting it: it may contain a secret.
    """
    try:
        readable = (
            re.match(URL_PATTERN, text) and urlsplit(text).hostname and urlsplit(text).port != 0
        )
    except ValueError:
        readable = False
    if not readable:
        raise ValueError(
            "must be a URL such as https://api.mistral.ai/v1, without user or password"
        )
    return text


EndpointUrl = Annotated[str, Field(pattern=URL_PATTERN), AfterValidator(readable_url)]
Timezone = Annotated[str, AfterValidator(_existing_timezone)]


class Spec(BaseModel):
    """Base of everything in flows.yaml: strict types, no unknown keys, frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
