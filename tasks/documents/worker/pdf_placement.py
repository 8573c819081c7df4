"""Conversion of PDF user space to the page as it is seen.

Rotation flag and crop box applied.
"""

import ctypes
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium

from schemas.document import Box

_SCALE = 1_000_000  # device units in which pdfium tells where the page lies

Edges = tuple[float, float, float, float]
"""A box as seen, in points: x0, y0, x1, y1."""


class Placement(NamedTuple):
    """From PDF user space to points on the page as seen: x' = a x + c y + e, y' = b x + d y + f;
    origin top left."""

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float
    width_pt: float
    height_pt: float

    def box(self, left: float, bottom: float, right: float, top: float) -> Edges:
        """The rectangle as seen."""
        x0, x1 = self.a * left + self.c * bottom + self.e, self.a * right + self.c * top + self.e
        y0, y1 = self.b * left + self.d * bottom + self.f, self.b * right + self.d * top + self.f
        return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)

    def fractions(self, x0: float, y0: float, x1: float, y1: float) -> Box:
        """A rectangle in points as fractions of the page, to four places; what lies outside is cut
        off."""
        # rounded by hand: `round` would take half of the time that a word costs
        left, right = int(x0 / self.width_pt * 1e4 + 0.5), int(x1 / self.width_pt * 1e4 + 0.5)
        top, bottom = int(y0 / self.height_pt * 1e4 + 0.5), int(y1 / self.height_pt * 1e4 + 0.5)
        # 1.0 in four places
        if left < 0 or top < 0 or right > 10_000 or bottom > 10_000:  # noqa: PLR2004
            left, top, right, bottom = (
                min(10_000, max(0, edge)) for edge in (left, top, right, bottom)
            )
        return Box(left / 1e4, top / 1e4, right / 1e4, bottom / 1e4)


def placement_of(page: Any) -> Placement:
    """Rotation flag and crop box are inside: pdfium is asked where three points fall."""
    width, height = pdfium.FPDF_GetPageWidthF(page), pdfium.FPDF_GetPageHeightF(page)
    step = 1000.0
    (ox, oy), (ux, uy), (vx, vy) = (
        _seen(page, x, y, width, height) for x, y in ((0.0, 0.0), (step, 0.0), (0.0, step))
    )
    return Placement(
        (ux - ox) / step,
        (uy - oy) / step,
        (vx - ox) / step,
        (vy - oy) / step,
        ox,
        oy,
        width,
        height,
    )


def _seen(page: Any, x: float, y: float, width: float, height: float) -> tuple[float, float]:
    device_x, device_y = ctypes.c_int(), ctypes.c_int()
    pdfium.FPDF_PageToDevice(page, 0, 0, _SCALE, _SCALE, 0, x, y, device_x, device_y)
    return device_x.value / _SCALE * width, device_y.value / _SCALE * height
