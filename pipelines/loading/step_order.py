"""Validation of the order of a flow's steps.

Any subset of `STEP_SETTINGS` in its order is valid if each step has what it needs.
"""

from collections.abc import Iterator, Sequence

from schemas.flow import STEP_SETTINGS

_ORDER = tuple(STEP_SETTINGS)
_NEEDS_ONE_OF = {
    "extract": ("render",),
    "summarise": ("extract", "einvoice"),
    "check": ("summarise", "einvoice"),
    "write": ("extract", "einvoice"),
}


def order_problems(names: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Index and message of each step that stands where it cannot work. Names that are no built-in
    step count as the user's own."""
    seen: list[str] = []
    for index, name in enumerate(names):
        if name not in _ORDER:
            if not seen:
                yield (
                    index,
                    (
                        "a step of your own cannot be the first; start with "
                        f"{' or '.join(f'`{first}`' for first in _ORDER[:2])}"
                    ),
                )
            continue
        later = [before for before in seen if _ORDER.index(before) > _ORDER.index(name)]
        if name in seen:
            yield index, f"`{name}` is here for the second time; a flow has each step once"
        elif later:
            yield (
                index,
                f"`{name}` must come before `{later[0]}`; the order is {', '.join(_ORDER)}",
            )
        elif (needed := _NEEDS_ONE_OF.get(name)) and not set(needed) & set(names[:index]):
            yield index, f"`{name}` needs {' or '.join(f'`{need}`' for need in needed)} before it"
        seen.append(name)
