"""OCR inside a worker, with the engine loaded on the first picture."""

from typing import TYPE_CHECKING

from schemas.document import Box, Word
from tasks.layout.reading_order import in_reading_order, stands

if TYPE_CHECKING:
    from PIL.Image import Image

OCR_SIDE_PX = 2000  # the engine's own limit; small print is lost below


def words_of_picture(picture: "Image") -> list[Word]:
    """Words in reading order. Blocks for about a second. Raises OcrMissingError without the
    extra."""
    # most workers never read a picture
    from tasks.documents.worker.ocr_engine import read_words  # noqa: PLC0415

    rounded = []
    for word in read_words(picture if picture.mode in ("L", "RGB") else picture.convert("RGB")):
        box = Box(*(round(value, 4) for value in word.box))
        rounded.append(Word(word.text, box, round(word.confidence, 3)))
    aspect = picture.width / picture.height
    upright = [word for word in rounded if not stands(word, aspect=aspect)]
    return in_reading_order(upright, aspect=aspect) + [
        word for word in rounded if stands(word, aspect=aspect)
    ]
