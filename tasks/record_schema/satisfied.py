"""Validation of a record by its schema.

Its validators are the user's own code, which may raise instead of refusing a value.
"""

import json
import traceback
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, JsonValue, ValidationError
from pydantic_core import ErrorDetails

from schemas.errors import StepError
from schemas.record_path import RecordPath
from tasks.record_schema.fields import keys_by_alias_path


def without_nulls(value: JsonValue) -> JsonValue:
    """The same without what was not found: nulls, empty lists, and objects that hold nothing else.
    Items of lists stay, so that paths stay right."""
    if isinstance(value, dict):
        kept = {name: without_nulls(each) for name, each in value.items()}
        return {name: each for name, each in kept.items() if each not in (None, {}, [])}
    if isinstance(value, list):
        return [without_nulls(each) for each in value]
    return value


def refusal(record: Mapping[str, JsonValue], schema: type[BaseModel]) -> ValidationError | None:
    """What the schema says against the record, without its nulls; None when it satisfies. Raises
    StepError when a validator breaks.

    Of a broken validator the type and the line are reported, never its words, which may quote the
    document.
    """
    try:
        schema.model_validate_json(
            json.dumps(without_nulls(dict(record))),
            by_alias=True,
            by_name=bool(keys_by_alias_path(schema)),
        )
    except ValidationError as error:
        return error
    except Exception as error:
        # a validator may raise anything; pydantic passes on what is neither ValueError nor
        # AssertionError
        line = traceback.extract_tb(error.__traceback__)[-1]
        raise StepError(
            f"the schema {schema.__name__} raised {type(error).__name__} at "
            f"{Path(line.filename).name}:{line.lineno}; "
            "a validator refuses a value by raising ValueError"
        ) from error
    return None


def place_of(
    problem: ErrorDetails, record: Mapping[str, JsonValue], schema: type[BaseModel]
) -> RecordPath:
    """Where in the record a value was refused, or should be and is not."""
    location = problem["loc"]
    if problem["type"] != "missing":
        return RecordPath.located(dict(record), location)
    keys = keys_by_alias_path(schema)
    for start in range(len(location)):
        if location[start:] in keys:
            return RecordPath.located(dict(record), location[:start]) / keys[location[start:]]
    return RecordPath.located(dict(record), location[:-1]) / location[-1]
