"""Validation of a record by its schema.

Its validators are the user's own code, which may raise instead of refusing a value.
"""

import json
import traceback
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, JsonValue, ValidationError

from schemas.errors import StepError
from tasks.rules.values import without_nulls


def refusal(record: Mapping[str, JsonValue], schema: type[BaseModel]) -> ValidationError | None:
    """What the schema says against the record, without its nulls; None when it satisfies. Raises
    StepError when a validator breaks.

    Of a broken validator the type and the line are told, never its words, which may quote the
    document.
    """
    try:
        schema.model_validate_json(json.dumps(without_nulls(dict(record))))
    except ValidationError as error:
        return error
    except Exception as error:
        # a validator may raise anything; pydantic passes on what is neither ValueError nor
        # AssertionError
        line = traceback.extract_tb(error.__traceback__)[-1]
        raise StepError(
            f"the schema {schema.__name__} broke: {type(error).__name__} at "
            f"{Path(line.filename).name}:{line.lineno}; "
            "a validator refuses a value by raising ValueError"
        ) from error
    return None
