"""Sketch of a page: its size and the amount of text.

What a plan needs to estimate cost, learned without drawing the page.
"""

from typing import NamedTuple


class PageSketch(NamedTuple):
    """`width`, `height` as seen: points, or pixels for an image. `text` None: the page must be
    looked at to know what it says."""

    width: float
    height: float
    text: str | None = None
    blank: bool = False  # nothing is drawn


def image_size(sketch: PageSketch, max_side_px: int, *, enlarge: bool) -> tuple[int, int]:
    """Width and height of the page's image in pixels. PDF pages are drawn to the size wanted
    (`enlarge`); pictures are only ever shrunk."""
    scale = max_side_px / max(sketch.width, sketch.height)
    if not enlarge and scale >= 1:
        return round(sketch.width), round(sketch.height)
    return max(1, round(sketch.width * scale)), max(1, round(sketch.height * scale))
