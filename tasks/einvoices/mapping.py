"""Mapping of an XML tree by a table of paths; each value keeps the path it came from.

A path is a row of element names without namespaces, with these extras: `A|B` first alternative that
gives a value, `A+B` all of both, `@x` an attribute, `.` the element itself, `[p=v]` and `[p!=v]`
only elements whose path `p` has (has not) the text `v`, `[p]` only elements that have `p`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache
from typing import NamedTuple
from xml.etree.ElementTree import Element

from pydantic import JsonValue

Convert = Callable[[str], str | None]
"""Text of an element to the value of the record; None when the text is no such value."""

_NO_ALIASES: Mapping[str, str] = {}
_TRUTH = {
    "1": "true",
    "0": "false",
}  # xs:boolean has both forms; no path is tested for the number 1 or 0


class Node:
    """An element, or an attribute of one, that knows its path. `aliases` gives the names of other
    versions of the format in ours."""

    __slots__ = ("_aliases", "_children", "element", "path", "text")

    def __init__(
        self,
        element: Element,
        path: str,
        text: str | None,
        aliases: Mapping[str, str] = _NO_ALIASES,
    ) -> None:
        self.element, self.path, self.text = element, path, text
        self._aliases = aliases
        self._children: dict[str, list[Node]] | None = None

    @classmethod
    def of_root(cls, element: Element, aliases: Mapping[str, str] = _NO_ALIASES) -> "Node":
        return cls(element, f"/{local_name(element)}", (element.text or "").strip(), aliases)

    def children(self, name: str) -> "list[Node]":
        if self._children is None:
            self._children = self._grouped()
        return self._children.get(name, [])

    def only_child(self) -> "Node | None":
        self.children("")
        nodes = [node for group in (self._children or {}).values() for node in group]
        return nodes[0] if len(nodes) == 1 else None

    def attribute(self, name: str) -> "list[Node]":
        value = (self.element.get(name) or "").strip()
        return [Node(self.element, f"{self.path}/@{name}", value)] if value else []

    def _grouped(self) -> "dict[str, list[Node]]":
        names = [local_name(child) for child in self.element]
        seen: dict[str, int] = {}
        groups: dict[str, list[Node]] = {}
        for child, name in zip(self.element, names, strict=True):
            seen[name] = seen.get(name, 0) + 1
            index = f"[{seen[name]}]" if names.count(name) > 1 else ""
            node = Node(
                child, f"{self.path}/{name}{index}", (child.text or "").strip(), self._aliases
            )
            groups.setdefault(self._aliases.get(name, name), []).append(node)
        return groups


def local_name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


class _Step(NamedTuple):
    name: str
    test: str | None = None
    value: str | None = None
    equal: bool = True


_STEP = re.compile(
    r"(?P<name>@?\w+|\.)(?:\[(?P<test>[\w@/]+)(?:(?P<operator>!?=)(?P<value>\w+))?\])?(?:/|$)"
)


@cache
def _steps(path: str) -> tuple[_Step, ...]:
    return tuple(
        _Step(m["name"], m["test"], m["value"], m["operator"] != "!=") for m in _STEP.finditer(path)
    )


def _passes(node: Node, step: _Step) -> bool:
    if step.test is None:
        return True
    found = list(_walk(node, _steps(step.test)))
    if step.value is None:
        return bool(found)
    texts = ((other.text or "").casefold() for other in found)
    return (step.value.casefold() in (_TRUTH.get(text, text) for text in texts)) is step.equal


def _walk(node: Node, steps: tuple[_Step, ...]) -> Iterator[Node]:
    if not steps:
        yield node
        return
    step, rest = steps[0], steps[1:]
    if step.name == ".":
        following = [node]
    elif step.name.startswith("@"):
        following = node.attribute(step.name[1:])
    else:
        following = node.children(step.name)
    for child in following:
        if _passes(child, step):
            yield from _walk(child, rest)


def find(node: Node, path: str) -> list[Node]:
    """All nodes at a path, in document order within each alternative."""
    for alternative in path.split("|"):
        found = [each for part in alternative.split("+") for each in _walk(node, _steps(part))]
        if found:
            return found
    return []


@dataclass(slots=True)
class Trail:
    """Where values came from (field path -> XML path), and the XML paths whose text some field did
    not take."""

    paths: dict[str, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    def value(self, node: Node, at: str, convert: Convert) -> str | None:
        if not node.text:
            return None
        value = convert(node.text)
        if value is None:
            self.refused.append(node.path)
        else:
            self.paths[at] = node.path
        return value


def as_text(text: str) -> str:
    return text


_DECIMAL = re.compile(r"[+-]?(\d{1,30}(\.\d{0,20})?|\.\d{1,20})")
_DATE = re.compile(
    r"(\d{4})(-?)(\d\d)\2(\d\d)"
    r"(?:(?!\d)|(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?(?:[+-]?\d{2,4}|Z)?$)"
)  # 102, 203, 204 and 205 of UNCL 2379, ISO 8601 with or without a time or zone


def as_decimal(text: str) -> str | None:
    """Digits as written, trailing zeros too: xs:decimal has no other form (no thousands mark, no
    exponent)."""
    return f"{Decimal(text):f}" if _DECIMAL.fullmatch(text) else None


def as_date(text: str) -> str | None:
    match = _DATE.match(text)
    try:
        return date(int(match[1]), int(match[3]), int(match[4])).isoformat() if match else None
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Value:
    """One value: the first at the path."""

    path: str
    convert: Convert = as_text

    def read(self, node: Node, at: str, trail: Trail) -> JsonValue:
        for found in find(node, self.path):
            leaf = found if found.text else found.only_child() or found
            value = trail.value(leaf, at, self.convert)
            if value is not None:
                return value
        return None


@dataclass(frozen=True, slots=True)
class Joined:
    """One text of all values at the path, one a line."""

    path: str

    def read(self, node: Node, at: str, trail: Trail) -> JsonValue:
        texts = [
            text for found in find(node, self.path) if (text := trail.value(found, at, as_text))
        ]
        return "\n".join(texts) or None


@dataclass(frozen=True, slots=True)
class Values:
    """A list of all values at the path."""

    path: str

    def read(self, node: Node, at: str, trail: Trail) -> JsonValue:
        texts: list[JsonValue] = []
        for found in find(node, self.path):
            text = trail.value(found, f"{at}[{len(texts)}]", as_text)
            if text is not None:
                texts.append(text)
        return texts or None


@dataclass(frozen=True, slots=True)
class Group:
    """A nested object whose fields are read below the path; None when nothing was found."""

    path: str
    fields: "Fields"

    def read(self, node: Node, at: str, trail: Trail) -> JsonValue:
        for found in find(node, self.path):
            values = read_fields(found, self.fields, at, trail)
            if values:
                return values
        return None


@dataclass(frozen=True, slots=True)
class Groups:
    """A list of nested objects, one for each element at the path that holds anything; then those of
    the next table."""

    path: str
    fields: "Fields"
    then: "Groups | None" = None

    def read(self, node: Node, at: str, trail: Trail) -> JsonValue:
        items: list[JsonValue] = []
        table: Groups | None = self
        while table:
            for found in find(node, table.path):
                values = read_fields(found, table.fields, f"{at}[{len(items)}]", trail)
                if values:
                    items.append(values)
            table = table.then
        return items or None


Rule = Value | Joined | Values | Group | Groups
Fields = Mapping[str, Rule]


def read_fields(node: Node, fields: Fields, at: str, trail: Trail) -> dict[str, JsonValue]:
    """The values that are there, by field name; `at` is the dotted path of the object they belong
    to."""
    values: dict[str, JsonValue] = {}
    for name, rule in fields.items():
        value = rule.read(node, f"{at}.{name}" if at else name, trail)
        if value is not None:
            values[name] = value
    return values
