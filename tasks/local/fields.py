"""Local engine's way from pages to a record: any pydantic schema, labels and sums."""

from dataclasses import dataclass

from pydantic import BaseModel, JsonValue

from schemas.document import Page
from schemas.record import Evidence
from schemas.record_path import RecordPath
from tasks.local.choosing.calibration import confidence
from tasks.local.choosing.choice import Choice
from tasks.local.choosing.leaf import Chooser
from tasks.local.choosing.lists import Row, rows_for
from tasks.local.finding.gathering import Gathered
from tasks.local.values import json_value
from tasks.record_schema.shape import Group, Leaf, Listed, Node, leaves_of, shape_of


@dataclass(frozen=True, slots=True)
class Found:
    """A record in the schema's shape, null where nothing was found, and where each value stands."""

    record: dict[str, JsonValue]
    evidence: tuple[Evidence, ...]
    reasons: dict[
        str, tuple[str, str]
    ]  # field -> the kind and reason that its confidence was counted by


class FieldFinder:
    """Finds a schema's fields on the pages of one document. Give it the pages in order, then
    `finish`.

    Only candidates are kept of a page, at most a few hundred a document. The record is JSON and not
    validated: required values may be null.
    """

    def __init__(self, schema: type[BaseModel]) -> None:
        self._shape = shape_of(schema)
        self._gathered = Gathered(leaves_of(self._shape))

    def read(self, page: Page) -> None:
        self._gathered.add(page)

    def finish(self) -> Found:
        chooser = Chooser(self._gathered)
        writer = _Writer(chooser)
        record = writer.group(self._shape, RecordPath())
        return Found(record, tuple(writer.evidence), writer.reasons)


class _Writer:
    """Fills the shape, leaf by leaf, and notes the evidence."""

    def __init__(self, chooser: Chooser) -> None:
        self._chooser = chooser
        self.evidence: list[Evidence] = []
        self.reasons: dict[str, tuple[str, str]] = {}

    def group(self, group: Group, path: RecordPath) -> dict[str, JsonValue]:
        return {child.key: self._value(child, path / child.key) for child in group.children}

    def _value(self, node: Node, path: RecordPath) -> JsonValue:
        if isinstance(node, Group):
            filled = self.group(node, path)
            return None if node.optional and _is_empty(filled) else filled
        if isinstance(node, Listed):
            return self._list(node, path)
        return self._leaf(node, path)

    def _leaf(self, leaf: Leaf, path: RecordPath) -> JsonValue:
        choice = self._chooser.choose(leaf)
        if choice is None or isinstance(choice.value, tuple):
            return None
        value = _of_choices(leaf, json_value(leaf, choice.value))
        if value is not None:
            self._note(path, choice)
        return value

    def _list(self, listed: Listed, path: RecordPath) -> JsonValue:
        if isinstance(listed.item, Leaf):
            choice = self._chooser.choose(listed.item)
            if choice is None or listed.item.meaning.kind not in ("address", "pattern"):
                return []
            values = choice.value if isinstance(choice.value, tuple) else (choice.value,)
            for number in range(len(values)):
                self._note(path / number, choice)
            return [json_value(listed.item, value) for value in values]
        if not isinstance(listed.item, Group):
            return []
        seen = self._chooser.seen
        rows = rows_for(listed, seen.items, self._chooser.settled, seen.patterns, seen.percents)
        return [self._row(listed.item, row, path / number) for number, row in enumerate(rows)]

    def _row(self, group: Group, row: Row, path: RecordPath) -> dict[str, JsonValue]:
        filled: dict[str, JsonValue] = {}
        for child in group.children:
            cell = row(child) if isinstance(child, Leaf) else None
            value = (
                json_value(child, cell.value)
                if cell is not None and isinstance(child, Leaf)
                else None
            )
            filled[child.key] = [] if isinstance(child, Listed) else value
            if cell is not None and value is not None:
                self._note(
                    path / child.key, Choice(cell.value, cell.candidate, cell.kind, cell.reason)
                )
        return filled

    def _note(self, path: RecordPath, choice: Choice) -> None:
        field = str(path)
        reason = f"{choice.reason}, ocr" if choice.candidate.found_by == "ocr" else choice.reason
        self.reasons[field] = (choice.kind, reason)
        sure = confidence(choice.kind, reason)
        self.evidence.append(
            choice.candidate.evidence(field, sure, (*choice.candidate.why, *choice.why))
        )


def _is_empty(value: JsonValue) -> bool:
    if isinstance(value, dict):
        return all(_is_empty(v) for v in value.values())
    return value is None or value == []


def _of_choices(leaf: Leaf, value: JsonValue) -> JsonValue:
    """For a Literal or an Enum: the choice that the text names, or nothing."""
    if not leaf.choices:
        return value
    text = str(value).casefold()
    return next(
        (c for c in leaf.choices if str(c).casefold() == text),
        next((c for c in leaf.choices if str(c).casefold() in text), None),
    )
