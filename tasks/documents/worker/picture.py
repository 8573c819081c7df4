"""Image files, frame by frame, by Pillow inside a worker: upright, on white.

Shrunk while decoding.
"""

import warnings
from collections.abc import Callable
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TypeVar

from PIL import Image, UnidentifiedImageError

from schemas.document import Attachment, DocumentInfo, Page, PageKind, Word
from schemas.errors import DocumentError, LimitError, UnreadableError, UnsupportedTypeError
from tasks.documents.sketch import PageSketch
from tasks.documents.visit import Visit, VisitRequest
from tasks.documents.worker.encode import encode_image, is_blank
from tasks.documents.worker.ocr import OCR_SIDE_PX, words_of_picture

PAGED_FORMATS = frozenset({"TIFF", "GIF", "PNG", "WEBP", "AVIF", "HEIF", "FLI", "DCX"})
"""Formats whose frames are pages. The others' further frames are thumbnails, depth maps or layers
of the same picture."""

REFUSED_FORMATS = frozenset({"EPS", "WMF", "GRIB", "BUFR", "HDF5", "MPEG", "IPTC"})
"""Formats that Pillow reads by another program, or not at all."""

_LYING = (5, 6, 7, 8)  # EXIF orientations that swap width and height
_GLANCE_PX = 512
_MOST_FRAMES = 10_000  # counted one by one in a file that breaks off
_DEEP_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")
_SHRINKABLE_MODES = ("L", "RGB", "RGBA", "LA", "CMYK", "YCbCr")
_WHITE = (255, 255, 255)
T = TypeVar("T")


class PictureFile:
    """An open image file. `max_megapixels` bounds each frame before it is decoded."""

    def __init__(self, path: Path, media_type: str, max_megapixels: int) -> None:
        self._media_type, self._max_pixels = media_type, max_megapixels * 1_000_000
        Image.MAX_IMAGE_PIXELS = (
            self._max_pixels // 2
        )  # Pillow refuses twice this, also inside multi-frame files
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        self._path = path
        self._is_spoilt = False
        self._image = self._open()

    def _open(self) -> Image.Image:
        if self._media_type == "image/heic":
            _register_heic()
        Image.init()
        formats = [name for name in Image.OPEN if name not in REFUSED_FORMATS]
        try:
            return self._guarded(lambda: Image.open(self._path, formats=formats))
        except UnidentifiedImageError as error:
            if self._media_type.startswith("image/"):
                raise UnreadableError(
                    f"the file starts like {self._media_type}, but the image is damaged or "
                    "of an unknown kind"
                ) from error
            raise UnsupportedTypeError(
                "neither a PDF, a raster image nor an e-invoice; the content looks like "
                f"{self._media_type}"
            ) from error

    def close(self) -> None:
        self._image.close()

    def info(self) -> DocumentInfo:
        return DocumentInfo(page_count=self._frames)

    @cached_property
    def _frames(self) -> int:
        """How many can be told of; where the file breaks off, the one that is missing counts too,
        and its page says why."""
        if self._image.format not in PAGED_FORMATS:
            return 1
        try:
            return max(1, int(getattr(self._image, "n_frames", 1)))
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001  as in `_guarded`
            self._is_spoilt = True
        with self._open() as image:
            for count in range(1, _MOST_FRAMES):
                try:
                    image.seek(count)
                except Exception:  # noqa: BLE001  as in `_guarded`
                    return count + 1
        return _MOST_FRAMES

    def attachments(self) -> list[Attachment]:
        return []

    def visit(self, request: VisitRequest) -> Visit:
        wanted = max(request.max_side_px or _GLANCE_PX, OCR_SIDE_PX if request.ocr else 0)
        picture, full_size = self._guarded(lambda: self._decoded(request.page_number - 1, wanted))
        image = None
        if request.max_side_px:
            image = encode_image(_fitted(picture, request.max_side_px))
        return Visit(self._learned(picture, full_size, request) if request.words else None, image)

    def sketch(self, page_number: int) -> PageSketch:
        """From the file's header alone."""
        return self._guarded(lambda: self._sketched(page_number - 1))

    def _sketched(self, index: int) -> PageSketch:
        image = self._frame(index)
        self._refuse_bomb(image.size)
        width, height = image.size
        return (
            PageSketch(height, width)
            if _orientation(image) in _LYING
            else PageSketch(width, height)
        )

    def _learned(
        self, picture: Image.Image, full_size: tuple[int, int], request: VisitRequest
    ) -> Page:
        kind = PageKind.BLANK if is_blank(picture) else PageKind.SCAN
        words: list[Word] = []
        if request.ocr and kind is PageKind.SCAN:
            words = words_of_picture(picture)
        width, height = full_size
        return Page(
            page_number=request.page_number,
            kind=kind,
            width_pt=width,
            height_pt=height,
            words=tuple(words),
            words_from="ocr" if request.ocr and kind is PageKind.SCAN else "none",
        )

    def _decoded(self, index: int, max_side_px: int) -> tuple[Image.Image, tuple[int, int]]:
        """A frame as L or RGB, upright, no side above `max_side_px`; and its own size, upright."""
        image = self._frame(index)
        self._refuse_bomb(image.size)
        width, height = image.size
        orientation = _orientation(image)
        image.draft(
            "RGB" if image.mode not in ("L", "CMYK") else image.mode, (max_side_px, max_side_px)
        )
        image.load()
        if image.mode in _SHRINKABLE_MODES:  # before flattening, which copies every pixel
            image = _fitted(image, max_side_px)
        picture = _upright(_fitted(flattened(image), max_side_px), orientation)
        return picture, ((height, width) if orientation in _LYING else (width, height))

    def _frame(self, index: int) -> Image.Image:
        """Reopened where that costs little: a decoded frame would stay in memory, and a JPEG at
        the scale of the last visit. And after an error: a frame that Pillow could not decode is
        taken for a decoded one when it is asked for again, and is blank."""
        frames = self._frames
        if self._is_spoilt or frames == 1:
            self._image.close()
            self._image = self._open()
            self._is_spoilt = False
        if frames > 1 and self._image.tell() != index:
            self._image.seek(index)
        return self._image

    def _refuse_bomb(self, size: tuple[int, int]) -> None:
        width, height = size
        if width * height > self._max_pixels:
            raise LimitError(
                f"the image has {width} x {height} px; more than "
                f"{self._max_pixels // 1_000_000} megapixels are not read "
                "(`render.max_megapixels`)"
            )

    def _guarded(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except Exception as error:
            # on damaged files each of Pillow's readers has its own habits, and new ones come
            self._is_spoilt = True
            if isinstance(error, DocumentError | UnidentifiedImageError | MemoryError):
                raise
            if isinstance(error, Image.DecompressionBombError):
                raise LimitError(
                    f"the image has more than {self._max_pixels // 1_000_000} megapixels, "
                    "which are not read (`render.max_megapixels`)"
                ) from error
            raise UnreadableError(
                f"the image is damaged or cut off ({type(error).__name__})"
            ) from error


def _orientation(image: Image.Image) -> int:
    """How the image is still to be turned: its EXIF orientation, which Pillow itself applies to
    TIFF, size and pixels."""
    return 1 if image.format == "TIFF" else int(image.getexif().get(0x0112, 1))


def flattened(image: Image.Image) -> Image.Image:
    """L or RGB: transparency on white, deep samples scaled to eight bits."""
    if image.mode in _DEEP_MODES:
        return _eight_bits(image)
    if image.mode in ("L", "RGB"):
        return _on_white(image.convert("RGBA")) if "transparency" in image.info else image
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or (
        image.mode == "P" and "transparency" in image.info
    ):
        return _on_white(image.convert("RGBA"))
    return image.convert("L" if image.mode == "1" else "RGB")


def _on_white(image: Image.Image) -> Image.Image:
    page = Image.new("RGB", image.size, _WHITE)
    page.paste(image, mask=image.getchannel("A"))
    return page


def _eight_bits(image: Image.Image) -> Image.Image:
    lowest, highest = image.getextrema()
    if isinstance(lowest, tuple) or isinstance(highest, tuple):
        raise TypeError(f"one channel expected, found mode {image.mode}")
    # 16 bits: keep black at zero, however few of the bits are used
    if image.mode != "F" and highest > 255:  # noqa: PLR2004
        lowest = min(lowest, 0)
    span = (highest - lowest) or 1
    deep = image.convert("F") if image.mode == "F" else image.convert("I").convert("F")
    return deep.point(lambda value: value * (255.0 / span) - lowest * 255.0 / span).convert("L")


def _fitted(picture: Image.Image, max_side_px: int) -> Image.Image:
    """No side above `max_side_px`; never enlarged."""
    scale = max_side_px / max(picture.size)
    if scale >= 1:
        return picture
    width, height = (max(1, round(side * scale)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=2.0)


def _upright(picture: Image.Image, orientation: int) -> Image.Image:
    """Turned as the EXIF orientation says (2 to 8; EXIF 2.3, table 4)."""
    if orientation in (2, 3, 4, 5, 6, 7, 8):
        method = {
            2: "FLIP_LEFT_RIGHT",
            3: "ROTATE_180",
            4: "FLIP_TOP_BOTTOM",
            5: "TRANSPOSE",
            6: "ROTATE_270",
            7: "TRANSVERSE",
            8: "ROTATE_90",
        }
        return picture.transpose(Image.Transpose[method[orientation]])
    return picture


def _register_heic() -> None:
    try:
        import_module("pillow_heif").register_heif_opener()
    except ImportError as error:
        raise UnsupportedTypeError(
            'HEIC images need an optional package: pip install "docmill[heic]"'
        ) from error
