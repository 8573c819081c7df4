"""Words of a picture by OCR; the only file that knows the OCR engine.

`rapidocr` with the models inside its own wheel: nothing is ever downloaded. Loaded once a process,
on the first picture (about 1.5 s); plan 1 GB of memory for a process that does this.
"""

import math
import os
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from schemas.document import Box, Word
from schemas.errors import OcrMissingError

if TYPE_CHECKING:
    from PIL.Image import Image

INSTALL = 'pip install "docmill[ocr]" (in a checkout: pip install -e ".[ocr]")'
MAX_SIDE_PX = 2000  # rapidocr's own limit: more pixels change nothing, fewer lose small print
TURNED_BELOW = 0.85  # mean confidence: turned pages measured .63-.68, upright ones .95-1.0
STANDING = 1.5  # height by width
GOOD_ENOUGH = 0.93  # a turn that reads like this needs no rival
_MODELS = {"Det": "PP-OCRv6_det_small.onnx", "Rec": "PP-OCRv6_rec_small.onnx"}

Point = tuple[float, float]


class Line(NamedTuple):
    """One line as the engine saw it: corners in pixels, clockwise from the start of the text."""

    text: str
    corners: tuple[Point, Point, Point, Point]
    confidence: float
    standing: bool = False


def read_words(image: "Image") -> list[Word]:
    """Words in the engine's reading order; boxes are fractions of `image` as given, also when its
    text is turned.

    Blocks for about a second. Raises OcrMissingError when the extra is not installed.
    """
    engine = _engine()
    picture = _shrunk(image)
    best, turn = _lines(engine, picture), 0
    if _mean_confidence(best) < TURNED_BELOW:
        for other in (90, 270, 180):
            lines = _lines(engine, picture.rotate(other, expand=True))
            if _legible(lines) > _legible(best):
                best, turn = lines, other
            if _mean_confidence(best) >= GOOD_ENOUGH:
                break
    width, height = picture.size
    return [
        word
        for line in best
        for word in _words(_turned_back(line, turn, width, height), width, height)
    ]


def is_installed() -> bool:
    """Whether `read_words` can work here, without loading anything."""
    from importlib.util import find_spec  # noqa: PLC0415  asked at most once a process

    return find_spec("rapidocr") is not None and find_spec("onnxruntime") is not None


@cache
def _engine() -> Any:
    try:
        # rapidocr does not name its runtime and imports it late
        import onnxruntime  # noqa: F401, PLC0415
        from rapidocr import RapidOCR  # noqa: PLC0415  an extra, and 1 s to import
    except ImportError as error:
        raise OcrMissingError(
            f"this page is a picture and needs OCR, which is not installed: {INSTALL}"
        ) from error
    folder = files("rapidocr") / "models"
    settings: dict[str, Any] = {
        "Global.log_level": "error",
        "Global.use_cls": False,
        "Det.limit_type": "max",
        "Det.limit_side_len": 1280,
    }
    for part, name in _MODELS.items():
        model = folder / name
        if not model.is_file():  # without a path, rapidocr would fetch one from the network
            raise OcrMissingError(
                f"the installed rapidocr lacks its model {name}; version 3.10 has it: {INSTALL}"
            )
        settings[f"{part}.model_path"] = str(model)
    threads = os.environ.get("OMP_NUM_THREADS", "")
    if (
        threads.isdecimal() and int(threads) > 0
    ):  # onnxruntime does not look; its threads wait busily, 2.3 s of CPU a page instead of 1.4
        settings["EngineConfig.onnxruntime.intra_op_num_threads"] = int(threads)
    return RapidOCR(params=settings)


def _shrunk(image: "Image") -> "Image":
    picture = image if image.mode == "RGB" else image.convert("RGB")
    scale = MAX_SIDE_PX / max(picture.size)
    if scale >= 1:
        return picture
    width, height = picture.size
    return picture.resize((max(1, round(width * scale)), max(1, round(height * scale))))


def _lines(engine: Any, picture: "Image") -> list[Line]:
    import numpy as np  # noqa: PLC0415  comes with the extra

    result = engine(np.asarray(picture)[:, :, ::-1])  # the engine was trained on BGR
    if result.txts is None or result.boxes is None:
        return []
    found: list[Line] = []
    for text, corners, score in zip(result.txts, result.boxes, result.scores, strict=True):
        a, b, c, d = ((float(x), float(y)) for x, y in corners)
        standing = _stands(a, c)  # the engine reads those from top to bottom
        found.append(Line(text, (b, c, d, a) if standing else (a, b, c, d), float(score), standing))
    return found


def _stands(top_left: Point, bottom_right: Point) -> bool:
    # the engine's own rule for turning a cut-out before reading it
    return bottom_right[1] - top_left[1] >= STANDING * (bottom_right[0] - top_left[0])


def _mean_confidence(lines: list[Line]) -> float:
    """By letters. A line that stands counts as doubtful: a page turned by 90 degrees is read well,
    but in the wrong order."""
    letters = sum(len(line.text) for line in lines)
    sure = sum(
        line.confidence * len(line.text) * (0.6 if line.standing and len(line.text) > 1 else 1)
        for line in lines
    )
    return sure / letters if letters else 0.0


def _legible(lines: list[Line]) -> float:
    # few sure letters must not beat many fairly sure ones, nor many doubtful ones
    return _mean_confidence(lines) ** 4 * math.sqrt(sum(len(line.text) for line in lines))


def _turned_back(line: Line, turn: int, width: int, height: int) -> Line:
    """`line` of the picture turned counter-clockwise by `turn` degrees, in the pixels of the
    unturned one."""

    def back(point: Point) -> Point:
        x, y = point
        if turn == 90:  # noqa: PLR2004  degrees
            return (width - y, x)
        if turn == 180:  # noqa: PLR2004  degrees
            return (width - x, height - y)
        if turn == 270:  # noqa: PLR2004  degrees
            return (y, height - x)
        return point

    a, b, c, d = line.corners
    return line._replace(corners=(back(a), back(b), back(c), back(d)))


def _words(line: Line, width: int, height: int) -> list[Word]:
    """The line's words, each with its share of the line by letters: the engine gives lines only."""
    top_left, top_right, bottom_right, bottom_left = line.corners
    length = max(1, len(line.text))
    words: list[Word] = []
    start = 0
    for text in line.text.split(" "):
        if text.strip():
            first, last = start / length, (start + len(text)) / length
            points = [
                _between(top_left, top_right, first),
                _between(top_left, top_right, last),
                _between(bottom_left, bottom_right, first),
                _between(bottom_left, bottom_right, last),
            ]
            xs, ys = [_unit(x / width) for x, _ in points], [_unit(y / height) for _, y in points]
            words.append(
                Word(
                    text.strip(), Box(min(xs), min(ys), max(xs), max(ys)), round(line.confidence, 4)
                )
            )
        start += len(text) + 1
    return words


def _between(a: Point, b: Point, share: float) -> Point:
    return (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share)


def _unit(value: float) -> float:
    return round(min(1.0, max(0.0, value)), 5)
