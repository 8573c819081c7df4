"""The place of a value in a record: `seller.name`, `lines[0].net_amount`."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

Step = str | int

_PLAIN_KEY = re.compile(r"[^.\[\]]+")
_INDEX = re.compile(r"\[(0|[1-9][0-9]*)\]")
_QUOTED_KEY = re.compile(r'\[("(?:[^"\\]|\\.)*")\]')


@dataclass(frozen=True, slots=True)
class RecordPath:
    """Keys and list indexes from the record down to one value; without any, the record itself.

    As text, a key that holds `.`, `[` or `]` or is empty is quoted: `["Total incl. VAT"]`.
    """

    steps: tuple[Step, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "RecordPath":
        """The path that is written so. Text that is no path is taken as a single key."""
        steps: list[Step] = []
        position = 0
        while position < len(text):
            step = _step_at(text, position)
            if step is None:
                return cls((text,))
            value, position = step
            steps.append(value)
        return cls(tuple(steps))

    @classmethod
    def located(cls, record: JsonValue, location: Iterable[Step]) -> "RecordPath":
        """The place of a validation error, as far as the record has it.

        pydantic also names the branches of a union there; those are left out.
        """
        steps: list[Step] = []
        for step in location:
            key: Step | None = step
            if isinstance(record, dict):
                key = str(step) if str(step) in record else None
            elif not (isinstance(record, list) and isinstance(step, int) and step < len(record)):
                key = None
            if key is not None:
                steps.append(key)
                record = _child(record, key)
        return cls(tuple(steps))

    def __str__(self) -> str:
        return "".join(map(_written, self.steps)).removeprefix(".")

    def __truediv__(self, step: Step) -> "RecordPath":
        return RecordPath((*self.steps, step))

    def joined(self, inner: "RecordPath") -> "RecordPath":
        """The place of `inner` when this is where its record is."""
        return RecordPath((*self.steps, *inner.steps))

    @property
    def parent(self) -> "RecordPath":
        """What holds this value; the parent of the record is the record."""
        return RecordPath(self.steps[:-1])

    @property
    def names(self) -> tuple[str, ...]:
        """The keys alone, without indexes."""
        return tuple(step for step in self.steps if isinstance(step, str))

    @property
    def item(self) -> "RecordPath | None":
        """The innermost list item that this value belongs to; None outside lists."""
        for end in range(len(self.steps), 0, -1):
            if isinstance(self.steps[end - 1], int):
                return RecordPath(self.steps[:end])
        return None

    def is_within(self, other: "RecordPath") -> bool:
        """Whether this is `other` or a value inside it."""
        return self.steps[: len(other.steps)] == other.steps

    def get(self, record: JsonValue | Mapping[str, JsonValue]) -> JsonValue:
        """The value there; None where the record has no such place."""
        value: JsonValue = dict(record) if isinstance(record, Mapping) else record
        for step in self.steps:
            value = _child(value, step)
        return value

    def set(self, record: JsonValue, value: JsonValue) -> None:
        """Puts a value there, in place. Raises KeyError where nothing could hold it."""
        holder = self.parent.get(record) if len(self.steps) > 1 else record
        match holder, self.steps[-1:]:
            case dict(), (str(key),):
                holder[key] = value
            case list(), (int(index),) if index < len(holder):
                holder[index] = value
            case _:
                raise KeyError(str(self))


def walk(
    record: JsonValue | Mapping[str, JsonValue], *, into_lists: bool = True
) -> Iterator[tuple[RecordPath, JsonValue]]:
    """Every plain value with its path, in order, nulls included.

    Without `into_lists` a list counts as one value.
    """
    yield from _walk(record, RecordPath(), into_lists=into_lists)


def _walk(
    value: JsonValue | Mapping[str, JsonValue], at: RecordPath, *, into_lists: bool
) -> Iterator[tuple[RecordPath, JsonValue]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _walk(inner, at / key, into_lists=into_lists)
    elif isinstance(value, list) and into_lists:
        for index, inner in enumerate(value):
            yield from _walk(inner, at / index, into_lists=into_lists)
    else:
        yield at, value


def _child(holder: JsonValue, step: Step) -> JsonValue:
    if isinstance(holder, dict):
        return holder.get(step) if isinstance(step, str) else None
    if isinstance(holder, list) and isinstance(step, int) and 0 <= step < len(holder):
        return holder[step]
    return None


def _written(step: Step) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if _PLAIN_KEY.fullmatch(step) else f"[{json.dumps(step, ensure_ascii=False)}]"


def _step_at(text: str, position: int) -> tuple[Step, int] | None:
    """The step that begins there and where it ends; None where the text is no path."""
    index = _INDEX.match(text, position)
    if index:
        return int(index[1]), index.end()
    quoted = _QUOTED_KEY.match(text, position)
    if quoted:
        try:
            return str(json.loads(quoted[1])), quoted.end()
        except json.JSONDecodeError:
            return None
    if position:
        if text[position] != ".":
            return None
        position += 1
    plain = _PLAIN_KEY.match(text, position)
    return (plain[0], plain.end()) if plain else None
