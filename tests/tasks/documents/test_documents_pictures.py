"""Raster images of every kind become upright page images on white, or a clear error."""

import io
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image, ImageChops, ImageDraw

from schemas.document import PageKind, RenderSettings
from schemas.errors import LimitError, UnreadableError, UnsupportedTypeError
from schemas.flow import RenderSettingsSpec
from tasks.documents.identify import identify
from tasks.documents.reader import DocumentReader, PageVisit
from tasks.documents.worker.picture import PictureFile
from tests.support.documents import REAL

pytestmark = pytest.mark.asyncio(loop_scope="module")
SIZE = RenderSettings(max_side_px=400)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reader(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DocumentReader]:
    settings = RenderSettingsSpec(max_megapixels=20)
    async with DocumentReader(
        settings, store_url=str(tmp_path_factory.mktemp("store")), workers=1
    ) as opened:
        yield opened


async def visit(reader: DocumentReader, path: Path, page_number: int = 1) -> PageVisit:
    return await reader.image(identify(path), page_number, SIZE)


def decoded(visited: PageVisit) -> Image.Image:
    return Image.open(io.BytesIO(visited.image.data)).convert("RGB")


def drawing(mode: str = "RGB", size: tuple[int, int] = (800, 600)) -> Image.Image:
    """White, with a black block in the upper left quarter."""
    picture = Image.new("L", size, 255)
    ImageDraw.Draw(picture).rectangle((0, 0, size[0] // 2 - 1, size[1] // 2 - 1), fill=0)
    return picture.convert(mode)


def is_dark(picture: Image.Image, x: float, y: float) -> bool:
    pixel = picture.getpixel((int(x * picture.width), int(y * picture.height)))
    return max(pixel) < 60


@pytest.mark.parametrize(
    ("mode", "suffix", "options"),
    [
        ("RGB", "png", {}),
        ("L", "png", {}),
        ("1", "png", {}),
        ("P", "gif", {}),
        ("I;16", "png", {}),
        ("RGB", "jpg", {}),
        ("CMYK", "jpg", {}),
        ("CMYK", "tif", {}),
        ("1", "tif", {"compression": "group4"}),
        ("1", "tif", {"compression": "group3"}),
        ("RGB", "tif", {"compression": "tiff_lzw"}),
        ("RGB", "webp", {}),
        ("RGB", "avif", {}),
        ("RGB", "bmp", {}),
        ("RGB", "jp2", {}),
        ("RGB", "tga", {}),
    ],
)
async def test_every_kind_of_image_is_shown_as_it_is(
    reader: DocumentReader, tmp_path: Path, mode: str, suffix: str, options: dict[str, str]
) -> None:
    path = tmp_path / f"picture-{mode[0]}.{suffix}"
    picture = (
        drawing("RGB").convert("L").convert("I").point(lambda value: value * 257).convert("I;16")
        if mode == "I;16"
        else drawing(mode)
    )
    picture.save(path, **options)
    visited = await visit(reader, path)
    shown = decoded(visited)
    assert shown.size == (400, 300)
    assert is_dark(shown, 0.25, 0.25)
    assert not is_dark(shown, 0.75, 0.75)
    assert (visited.page.kind, visited.page.width_pt, visited.page.height_pt) == (
        PageKind.SCAN,
        800,
        600,
    )


@pytest.mark.parametrize("orientation", range(1, 9))
async def test_a_photo_is_turned_as_its_camera_says(
    reader: DocumentReader, tmp_path: Path, orientation: int
) -> None:
    undone = {
        2: "FLIP_LEFT_RIGHT",
        3: "ROTATE_180",
        4: "FLIP_TOP_BOTTOM",
        5: "TRANSPOSE",
        6: "ROTATE_90",
        7: "TRANSVERSE",
        8: "ROTATE_270",
    }
    stored = (
        drawing(size=(1600, 1200)).transpose(Image.Transpose[undone[orientation]])
        if orientation > 1
        else drawing(size=(1600, 1200))
    )
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / f"{orientation}.jpg", exif=exif)
    visited = await visit(reader, tmp_path / f"{orientation}.jpg")
    shown = decoded(visited)
    assert shown.size == (400, 300)
    assert is_dark(shown, 0.25, 0.25)
    assert not is_dark(shown, 0.75, 0.25)
    assert not is_dark(shown, 0.25, 0.75)
    assert (visited.page.width_pt, visited.page.height_pt) == (1600, 1200)


async def test_a_small_picture_is_not_enlarged(reader: DocumentReader, tmp_path: Path) -> None:
    drawing(size=(80, 60)).save(tmp_path / "small.png")
    assert (await visit(reader, tmp_path / "small.png")).image[2:] == (80, 60)


async def test_transparency_is_white_paper(reader: DocumentReader, tmp_path: Path) -> None:
    picture = Image.new("RGBA", (200, 100), (0, 0, 0, 0))
    ImageDraw.Draw(picture).rectangle((0, 0, 99, 99), fill=(0, 0, 0, 255))
    picture.save(tmp_path / "clear.png")
    shown = decoded(await visit(reader, tmp_path / "clear.png"))
    assert is_dark(shown, 0.2, 0.5)
    assert shown.getpixel((150, 50)) == (255, 255, 255)


async def test_each_page_of_a_fax_is_a_page(reader: DocumentReader, tmp_path: Path) -> None:
    pages = [
        drawing("1"),
        drawing("1").transpose(Image.Transpose.ROTATE_180),
        Image.new("1", (800, 600), 1),
    ]
    pages[0].save(
        tmp_path / "fax.tif", save_all=True, append_images=pages[1:], compression="group4"
    )
    document = identify(tmp_path / "fax.tif")
    assert (await reader.open(document)).page_count == 3
    third, first, second = [await reader.image(document, number, SIZE) for number in (3, 1, 2)]
    assert is_dark(decoded(first), 0.25, 0.25)
    assert is_dark(decoded(second), 0.75, 0.75)
    assert third.page.kind is PageKind.BLANK


async def test_real_samples_of_odd_formats_are_read(reader: DocumentReader) -> None:
    for name in (
        "rot3mir0.avif",
        "pil_sample_cmyk.jpg",
        "i_trns.png",
        "p_16.png",
        "200x32_la_tl_rle.tga",
        "hopper_orientation_2.jpg",
    ):
        assert (await visit(reader, REAL / f"pillow-{name}")).image.data
    assert (await reader.open(identify(REAL / "pillow-total-pages-zero.tif"))).page_count == 3


async def test_a_frame_that_is_damaged_leaves_the_others_readable(reader: DocumentReader) -> None:
    document = identify(REAL / "pillow-chunk_no_fdat.png")
    assert (await reader.open(document)).page_count == 3
    assert (await reader.image(document, 1, SIZE)).image.data
    with pytest.raises(UnreadableError, match="page 2"):
        await reader.image(document, 2, SIZE)


async def test_a_damaged_frame_is_never_taken_for_a_blank_page(
    reader: DocumentReader, tmp_path: Path
) -> None:
    pages = io.BytesIO()
    drawing().save(
        pages, "TIFF", save_all=True, append_images=[drawing(), drawing()], compression="tiff_lzw"
    )
    second = Image.open(pages)
    second.seek(1)
    start, length = (
        second.tag_v2[273][0],
        second.tag_v2[279][0],
    )  # StripOffsets, StripByteCounts (TIFF 6.0)
    data = bytearray(pages.getvalue())
    data[start : start + length] = b"\xa5" * length
    (tmp_path / "cut.tif").write_bytes(data)
    document = identify(tmp_path / "cut.tif")
    for _ in range(3):
        with pytest.raises(UnreadableError, match="page 2"):
            await reader.image(document, 2, SIZE)
    assert is_dark(decoded(await reader.image(document, 3, SIZE)), 0.2, 0.2)
    assert is_dark(decoded(await reader.image(document, 1, SIZE)), 0.2, 0.2)


async def test_a_scan_that_breaks_off_gives_the_pages_before(
    reader: DocumentReader, tmp_path: Path
) -> None:
    pages = io.BytesIO()
    drawing().save(
        pages, "TIFF", save_all=True, append_images=[drawing(), drawing()], compression="tiff_lzw"
    )
    (tmp_path / "cut.tif").write_bytes(pages.getvalue()[: int(0.8 * pages.tell())])
    document = identify(tmp_path / "cut.tif")
    assert (await reader.open(document)).page_count == 3
    for number in (1, 2):
        assert is_dark(decoded(await reader.image(document, number, SIZE)), 0.2, 0.2)
    with pytest.raises(UnreadableError, match="page 3"):
        await reader.image(document, 3, SIZE)


async def test_a_bomb_is_refused_before_it_is_decoded(
    reader: DocumentReader, tmp_path: Path
) -> None:
    Image.new("1", (6000, 6000)).save(tmp_path / "bomb.png")
    Image.new("1", (5000, 4001)).save(tmp_path / "just_too_large.png")
    for name in ("bomb.png", "just_too_large.png"):
        with pytest.raises(LimitError, match=r"20 megapixels.*render\.max_megapixels"):
            await visit(reader, tmp_path / name)
    later = identify(REAL / "pillow-decompression_bomb_extents.gif")
    assert (await reader.image(later, 1, SIZE)).image.data
    with pytest.raises(LimitError, match="page 2"):
        await reader.image(later, 2, SIZE)


async def test_what_is_not_a_document_is_named(reader: DocumentReader, tmp_path: Path) -> None:
    contents = {
        "page.pdf": b"<html>404</html>",
        "letter.docx": b"PK\x03\x04word",
        "noise.png": b"\x07\x00noise\x01" * 50,
        "empty.pdf": b"",
    }
    messages = {
        "page.pdf": "text/html",
        "letter.docx": "application/zip",
        "noise.png": "application/octet-stream",
        "empty.pdf": "empty",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises((UnsupportedTypeError, UnreadableError), match=messages[name]):
            await reader.open(identify(tmp_path / name))


async def test_postscript_is_never_run(reader: DocumentReader, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\nshowpage\n"
    )
    with pytest.raises(UnsupportedTypeError, match="application/postscript"):
        await reader.open(identify(tmp_path / "a.png"))


async def test_a_bare_einvoice_has_no_pages_and_no_error(
    reader: DocumentReader, tmp_path: Path
) -> None:
    (tmp_path / "a.xml").write_bytes(b'<?xml version="1.0"?><Invoice/>')
    document = identify(tmp_path / "a.xml")
    assert (await reader.open(document)).page_count == 0
    assert await reader.attachments(document) == []


async def test_noise_of_a_grey_scan_is_no_colour_and_a_small_stamp_is(
    reader: DocumentReader, tmp_path: Path
) -> None:
    noise = Image.effect_noise((800, 600), 12)
    tinted = Image.merge(
        "RGB",
        [
            ImageChops.add(channel, Image.new("L", noise.size, shift))
            for channel, shift in zip([noise] * 3, (0, 3, 5), strict=True)
        ],
    )
    tinted.save(tmp_path / "grey.jpg", quality=60)
    ImageDraw.Draw(tinted).rectangle((500, 400, 560, 424), outline=(200, 30, 30), width=3)
    tinted.save(tmp_path / "stamped.jpg", quality=60)
    assert (
        Image.open(io.BytesIO((await visit(reader, tmp_path / "grey.jpg")).image.data)).mode == "L"
    )
    assert (
        Image.open(io.BytesIO((await visit(reader, tmp_path / "stamped.jpg")).image.data)).mode
        == "RGB"
    )


async def test_photos_of_phones_are_read_with_the_extra(
    reader: DocumentReader, tmp_path: Path
) -> None:
    heif = pytest.importorskip("pillow_heif", reason="the extra [heic] is not installed")
    heif.from_pillow(drawing()).save(tmp_path / "photo.jpg")  # known by its content
    document = identify(tmp_path / "photo.jpg")
    assert document.media_type == "image/heic"
    picture = decoded(await visit(reader, document.path))
    assert is_dark(picture, 0.2, 0.2)
    assert not is_dark(picture, 0.8, 0.8)


async def test_photos_of_phones_name_the_extra_that_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(UnsupportedTypeError, match=r'pip install "docmill\[heic\]"'):
        PictureFile(tmp_path / "photo.heic", "image/heic", max_megapixels=20)


@pytest.mark.parametrize("suffix", ["jpg", "tif", "png", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
async def test_every_exif_orientation_is_turned_once_in_every_format(
    reader: DocumentReader, tmp_path: Path, orientation: int, suffix: str
) -> None:
    undo = {
        2: "FLIP_LEFT_RIGHT",
        3: "ROTATE_180",
        4: "FLIP_TOP_BOTTOM",
        5: "TRANSPOSE",
        6: "ROTATE_90",
        7: "TRANSVERSE",
        8: "ROTATE_270",
    }
    stored = (
        drawing() if orientation == 1 else drawing().transpose(Image.Transpose[undo[orientation]])
    )
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / f"photo.{suffix}", exif=exif)
    visited = await visit(reader, tmp_path / f"photo.{suffix}")
    assert (visited.page.width_pt, visited.page.height_pt) == (800, 600)
    picture = decoded(visited)
    assert picture.size == (400, 300)
    assert [
        is_dark(picture, x, y) for x, y in ((0.2, 0.2), (0.8, 0.2), (0.2, 0.8), (0.8, 0.8))
    ] == [True, False, False, False]
    sketch = (await reader.sketches(identify(tmp_path / f"photo.{suffix}"), [1]))[0]
    assert sketch is not None
    assert (sketch.width, sketch.height) == (800, 600)


@pytest.mark.parametrize(
    ("mode", "suffix"), [("1", "ppm"), ("L", "ppm"), ("RGB", "ppm"), ("1", "xbm")]
)
async def test_pictures_that_begin_as_text_are_pictures(
    reader: DocumentReader, tmp_path: Path, mode: str, suffix: str
) -> None:
    path = tmp_path / f"scan.{suffix}"
    drawing(mode).save(path)
    assert is_dark(decoded(await visit(reader, path)), 0.2, 0.2)
