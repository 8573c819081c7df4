"""Encoding of page images, and detection of blank ones.

Grayscale where there is no colour, PNG where there are few colours, JPEG otherwise.
"""

import io

from PIL import Image, ImageChops

from schemas.document import PageImage

JPEG_QUALITY = 85
FEW_COLOURS = 16  # up to here PNG is smaller than JPEG and keeps strokes sharp
# least difference of two channels, of 255, in the mean of two pixels; JPEG noise stays below
_COLOUR_MATTERS = 10
_INK_MATTERS = 24  # least difference of light and dark, of 255, in the image shrunk four times
_SHRINK = 4
_ROWS, _COLUMNS = 5, 2  # of so many rows and columns, one is looked at for colour


def encode_image(picture: Image.Image) -> PageImage:
    """`picture` is L, RGB or RGBX (the fourth byte is not looked at)."""
    has_few_colours = (
        picture.getcolors(FEW_COLOURS) is not None
    )  # asked first: told from the first pixels, but of a grey picture from all
    if picture.mode != "L" and is_grey(picture):
        picture = picture.getchannel(
            "G"
        )  # a third of the work of a weighted mean, which would be the same
    buffer = io.BytesIO()
    if has_few_colours:
        (picture if picture.mode == "L" else picture.convert("RGB")).save(
            buffer, "PNG", compress_level=6
        )
        return PageImage(buffer.getvalue(), "image/png", *picture.size)
    picture.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return PageImage(buffer.getvalue(), "image/jpeg", *picture.size)


def is_grey(picture: Image.Image) -> bool:
    """Whether a colour picture shows no colour. Looks at means of some pixels, so that noise does
    not count as colour.

    Takes every second pixel of every fifth row, which hits each line of print; a coloured hairline
    may be missed.
    """
    if picture.mode == "L":
        return True
    width, height = picture.size
    few = (
        picture.resize((width // _COLUMNS, height // _ROWS), Image.Resampling.NEAREST)
        if min(picture.size) >= 16 * _ROWS
        else picture
    )
    red, green, blue = (few.getchannel(channel) for channel in "RGB")
    return _differ_little(red, green) and _differ_little(green, blue)


def _differ_little(one: Image.Image, other: Image.Image) -> bool:
    difference = ImageChops.difference(one, other)
    if difference.getbbox() is None:  # nearly always: black print on white
        return True
    return _extrema(difference.reduce((_COLUMNS, 1)))[1] < _COLOUR_MATTERS


def is_blank(picture: Image.Image) -> bool:
    """Whether nothing can be seen on it: paper of any even shade, with scanner noise at most."""
    lowest, highest = _extrema(_shrunk(picture).convert("L"))
    return highest - lowest < _INK_MATTERS


def _shrunk(picture: Image.Image) -> Image.Image:
    return picture.reduce(_SHRINK) if min(picture.size) >= 16 * _SHRINK else picture


def _extrema(channel: Image.Image) -> tuple[float, float]:
    lowest, highest = channel.getextrema()
    if isinstance(lowest, tuple) or isinstance(highest, tuple):
        raise TypeError(f"one channel expected, found mode {channel.mode}")
    return lowest, highest
