"""YAML text with the line and column of every value; the only file that knows PyYAML.

Plain data only: no tag makes an object, nothing is executed. Scalars follow the YAML 1.2 core
schema, so that `on`, `2024-01-01` and `0123` stay text. Limits keep a hostile or mistaken file from
taking time or memory.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from schemas.errors import Problem

MAX_BYTES = 1_000_000
MAX_NODES = 20_000  # of the text, and again after aliases are followed: refuses alias bombs
MAX_DEPTH = 60

YamlPath = tuple[str | int, ...]
"""Keys and list indexes from the top of the file to a value."""

_TAG = "tag:yaml.org,2002:"
_COLLECTIONS: dict[type[yaml.Node], str] = {
    yaml.MappingNode: _TAG + "map",
    yaml.SequenceNode: _TAG + "seq",
}
_SCALARS = (
    ("null", r"^(~|null|Null|NULL|)$", "~nN"),
    ("bool", r"^(true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^[-+]?(0|[1-9][0-9]{0,30})$", "-+0123456789"),
    (
        "float",
        r"^[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?$",
        "-+.0123456789",
    ),
)
_CONVERT: dict[str, Callable[[str], Any]] = {
    _TAG + "str": str,
    _TAG + "null": lambda _: None,
    _TAG + "bool": lambda text: text.lower() == "true",
    _TAG + "int": int,
    _TAG + "float": float,
}


class _TooLargeError(yaml.MarkedYAMLError):
    """The text has too many values or is nested too deep."""


class _CoreLoader(yaml.SafeLoader):
    """Composes nodes with their marks by the YAML 1.2 core schema; never constructs."""

    # PyYAML's own attribute
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012
    nodes = 0
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self.nodes += 1
        self.depth += 1
        if self.nodes > MAX_NODES or self.depth > MAX_DEPTH:
            what = (
                f"more than {MAX_NODES:,} values"
                if self.nodes > MAX_NODES
                else f"nested deeper than {MAX_DEPTH} levels"
            )
            # by PyYAML's stubs
            raise _TooLargeError(problem=what, problem_mark=self.peek_event().start_mark)  # type: ignore[no-untyped-call]
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


for _name, _pattern, _first in _SCALARS:
    _CoreLoader.add_implicit_resolver(
        _TAG + _name, re.compile(_pattern), [*_first, *([""] if _name == "null" else [])]
    )


@dataclass(slots=True)
class YamlSource:
    """A parsed file: its plain value, where each value stands, and what is wrong with the YAML
    itself."""

    value: Any = None
    problems: list[Problem] = field(default_factory=list)
    _positions: dict[YamlPath, tuple[int, int]] = field(default_factory=dict)

    def position(self, path: YamlPath) -> tuple[int, int]:
        """Line and column, from 1, of the key or list item at `path`, or of the nearest value
        around it."""
        return next(
            (
                self._positions[path[:n]]
                for n in range(len(path), -1, -1)
                if path[:n] in self._positions
            ),
            (1, 1),
        )

    def has(self, path: YamlPath) -> bool:
        return path in self._positions

    def at(self, path: YamlPath) -> Any:
        """The value at `path`; None when there is none."""
        value = self.value
        for key in path:
            if isinstance(value, dict):
                value = value.get(key)
            elif isinstance(value, list) and isinstance(key, int) and key < len(value):
                value = value[key]
            else:
                return None
        return value

    def place(self, path: YamlPath) -> str:
        """`path` in names, as people say it: a step by its name, other list items by index from
        0."""
        parts: list[str] = []
        for depth, key in enumerate(path):
            if not isinstance(key, int):
                if not (
                    parts and parts[-1] == key and depth > 0 and isinstance(path[depth - 1], int)
                ):
                    parts.append(str(key))
            elif (
                depth > 0
                and path[depth - 1] == "steps"
                and (name := _step_name(self.at(path[: depth + 1])))
            ):
                parts.append(name)
            elif parts:
                parts[-1] += f"[{key}]"
        return ".".join(parts)


def _step_name(entry: object) -> str | None:
    if isinstance(entry, dict) and entry:
        return str(next(iter(entry)))
    return entry if isinstance(entry, str) else None


def parse_yaml(data: bytes) -> YamlSource:
    """The plain value of a YAML text. Problems of the text are in the result, never raised."""
    source = YamlSource()
    if len(data) > MAX_BYTES:
        source.problems.append(
            Problem(1, 1, "", f"is too large; expected at most {MAX_BYTES:,} bytes")
        )
        return source
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        source.problems.append(
            Problem(
                line,
                column,
                "",
                f"is not UTF-8 text: found byte 0x{data[error.start]:02X}; save the file as UTF-8",
            )
        )
        return source
    try:
        node = _compose(text)
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        message = f"the character U+{ord(text[error.position]):04X} is not allowed in YAML"
        source.problems.append(
            Problem(before.count("\n") + 1, error.position - before.rfind("\n"), "", message)
        )
        return source
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        source.problems.append(
            Problem(
                mark.line + 1 if mark else 1,
                mark.column + 1 if mark else 1,
                "",
                _syntax_message(error, text),
            )
        )
        return source
    if node is not None:
        source.value = _Builder(source).build(node, ())
    if source.value is None and not source.problems:
        source.problems.append(Problem(1, 1, "", "is empty; expected `version: 1` and `flows:`"))
    return source


def _compose(text: str) -> yaml.Node | None:
    loader = _CoreLoader(text)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


def _syntax_message(error: yaml.MarkedYAMLError, text: str) -> str:
    mark = error.problem_mark or error.context_mark
    lines = text.splitlines()
    if mark and mark.line < len(lines) and "\t" in lines[mark.line][: mark.column + 1]:
        return "tab found; YAML is indented with spaces"
    if error.problem and error.problem.startswith("but found another document"):
        return "a second document starts here; flows.yaml holds one"
    if error.problem == "mapping values are not allowed here":
        return (
            "second colon found; put text that has one in quotes, or look at the "
            "indentation here and in the line before"
        )
    if isinstance(error, yaml.parser.ParserError):
        return (
            f"not valid YAML: {error.problem}; look at the indentation and the colons here and "
            "in the lines before"
        )
    where = (
        f" ({error.context}, line {error.context_mark.line + 1})"
        if error.context and error.context_mark
        else ""
    )
    return f"not valid YAML: {error.problem}{where}"


class _Builder:
    """Turns nodes into plain values and notes the position of each."""

    def __init__(self, source: YamlSource) -> None:
        self._source = source
        self._built = 0
        self._open: set[int] = set()

    def build(self, node: yaml.Node, path: YamlPath) -> Any:
        # the builder fills the source of this file
        self._source._positions.setdefault(path, _position(node))  # noqa: SLF001
        self._built += 1
        if self._built > MAX_NODES or id(node) in self._open:
            if not any(p.message.startswith("aliases") for p in self._source.problems):
                self._problem(
                    node, path, f"aliases repeat themselves or make more than {MAX_NODES:,} values"
                )
            return None
        self._open.add(id(node))
        try:
            expected = _COLLECTIONS.get(type(node))
            if expected is not None and node.tag != expected:
                self._refuse_tag(node, path)
                return None
            if isinstance(node, yaml.MappingNode):
                return dict(self._entries(node, path))
            if isinstance(node, yaml.SequenceNode):
                return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
            return self._scalar(node, path)
        finally:
            self._open.discard(id(node))

    def _entries(self, node: yaml.MappingNode, path: YamlPath) -> Iterator[tuple[str, Any]]:
        first: dict[str, int] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem(key_node, path, "a key must be text, found a list or mapping")
                continue
            key = key_node.value
            line, column = _position(key_node)
            if key == "<<" and key_node.style is None:
                self._problem(
                    key_node,
                    path,
                    "merge keys (`<<`) are not part of YAML 1.2; write the keys out, or "
                    "use an alias for the whole value",
                )
            elif key_node.tag != _TAG + "str":
                self._problem(
                    key_node,
                    path,
                    f"a key must be text, found {key or 'nothing'}; put it in quotes if it is "
                    "meant",
                )
            elif key in first:
                place = self._source.place((*path, key))
                self._source.problems.append(
                    Problem(
                        line,
                        column,
                        place,
                        f"duplicate key; `{key}` is already on line {first[key]}",
                    )
                )
            else:
                first[key] = line
                self._source._positions[(*path, key)] = line, column  # noqa: SLF001 - as above
                yield key, self.build(value_node, (*path, key))

    def _scalar(self, node: yaml.Node, path: YamlPath) -> Any:
        convert = _CONVERT.get(node.tag)
        if convert is None:
            self._refuse_tag(node, path)
            return None
        try:
            return convert(node.value)
        except ValueError:
            self._problem(
                node, path, f"{node.value[:40]!r} is not a YAML {node.tag.removeprefix(_TAG)}"
            )
            return None

    def _refuse_tag(self, node: yaml.Node, path: YamlPath) -> None:
        self._problem(
            node,
            path,
            f"the tag `{node.tag.replace(_TAG, '!!')}` is not read; flows.yaml holds plain "
            "values only",
        )

    def _problem(self, node: yaml.Node, path: YamlPath, message: str) -> None:
        line, column = _position(node)
        self._source.problems.append(Problem(line, column, self._source.place(path), message))


def _position(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
