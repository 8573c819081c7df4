"""What one visit to a PDF page learns: words where they stand, the page kind, an image straight to
size."""

import io
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image

from schemas.document import Page, PageKind, RenderSettings
from schemas.errors import PasswordError, UnreadableError
from schemas.flow import RenderSettingsSpec
from tasks.documents.identify import identify
from tasks.documents.reader import DocumentReader, PageVisit
from tests.support.documents import REAL, make_pdf, make_scan_pdf, stream_object, text_at, write_pdf

pytestmark = pytest.mark.asyncio(loop_scope="module")
LINE = "Invoice 4711 of 14 March 2026, payable within thirty days"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reader(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DocumentReader]:
    async with DocumentReader(
        RenderSettingsSpec(), store_url=str(tmp_path_factory.mktemp("store")), workers=1
    ) as opened:
        yield opened


async def page_of(reader: DocumentReader, path: Path, page_number: int = 1) -> Page:
    return await reader.page(identify(path), page_number, ocr=False)


async def visit(reader: DocumentReader, path: Path, max_side_px: int = 1024) -> PageVisit:
    return await reader.image(identify(path), 1, RenderSettings(max_side_px=max_side_px))


def text(page: Page) -> str:
    return " ".join(word.text for word in page.words)


async def test_words_stand_where_they_are_printed(reader: DocumentReader, tmp_path: Path) -> None:
    page = await page_of(
        reader, write_pdf(tmp_path / "a.pdf", [text_at(59.5, 842 - 84.2, LINE, size=10).encode()])
    )
    assert text(page) == LINE
    assert page.words_from == "text_layer"
    first = page.words[0].box
    assert first.x0 == pytest.approx(0.1, abs=0.005)
    assert first.y0 < 0.1 < first.y1 + 0.01
    assert all(
        left.box.x1 <= right.box.x0 for left, right in zip(page.words, page.words[1:], strict=False)
    )


@pytest.mark.parametrize("rotation", [90, 180, 270])
async def test_a_page_is_read_as_it_is_seen_when_its_rotation_flag_is_set(
    reader: DocumentReader, tmp_path: Path, rotation: int
) -> None:
    content = {90: "0 1 -1 0 400 100 cm", 180: "-1 0 0 -1 500 700 cm", 270: "0 -1 1 0 200 700 cm"}[
        rotation
    ]
    path = write_pdf(
        tmp_path / "r.pdf",
        [f"{content} {text_at(0, 0, LINE)}".encode()],
        page_entries=f"/Rotate {rotation}",
    )
    page = await page_of(reader, path)
    assert text(page) == LINE
    assert (page.width_pt > page.height_pt) == (rotation != 180)
    rows = {round(word.box.y0, 2) for word in page.words}
    assert len(rows) == 1
    image = (await visit(reader, path)).image
    assert (image.width_px > image.height_px) == (rotation != 180)


async def test_text_that_runs_up_the_margin_is_words_and_not_single_letters(
    reader: DocumentReader, tmp_path: Path
) -> None:
    upright, sideways = (
        text_at(100, 700, LINE),
        f"q 0 1 -1 0 30 200 cm {text_at(0, 0, 'Registered office Rotterdam')} Q\n",
    )
    page = await page_of(reader, write_pdf(tmp_path / "s.pdf", [(sideways + upright).encode()]))
    assert text(page) == f"{LINE} Registered office Rotterdam"


@pytest.mark.parametrize("scale", [100, 45])
async def test_narrow_words_keep_their_place(
    reader: DocumentReader, tmp_path: Path, scale: int
) -> None:
    line = "Faktura sendt til kunde 4711, VAT 21 % fil rouge"
    content = f"{scale} Tz {text_at(50, 780, line)} {text_at(50, 700, 'Total amount due 119,00')}"
    page = await page_of(reader, write_pdf(tmp_path / "n.pdf", [content.encode()]))
    assert text(page) == f"{line} Total amount due 119,00"


async def test_short_words_up_the_margin_stay_with_their_line(
    reader: DocumentReader, tmp_path: Path
) -> None:
    sideways = "KvK no 1234 in the city of Rotterdam"
    content = (
        f"q 0 1 -1 0 30 400 cm {text_at(0, 0, sideways)} "
        f"Q\n{text_at(50, 500, 'Line beside the margin')}"
    )
    assert (
        text(await page_of(reader, write_pdf(tmp_path / "k.pdf", [content.encode()])))
        == f"Line beside the margin {sideways}"
    )


@pytest.mark.parametrize("rotation", [90, 180, 270])
async def test_words_that_run_another_way_are_whole_and_in_order(
    reader: DocumentReader, tmp_path: Path, rotation: int
) -> None:
    line = "Amount Warmwasser committed twice in May"
    page = await page_of(
        reader,
        write_pdf(
            tmp_path / "u.pdf",
            [text_at(50, 780, line).encode()],
            page_entries=f"/Rotate {rotation}",
        ),
    )
    assert text(page) == line


async def test_letters_that_are_spaced_out_are_one_word(
    reader: DocumentReader, tmp_path: Path
) -> None:
    page = await page_of(
        reader,
        write_pdf(tmp_path / "t.pdf", [f"12 Tc {text_at(50, 700, 'INVOICE 4711')}".encode()]),
    )
    assert text(page) == "INVOICE 4711"


async def test_text_outside_the_crop_box_does_not_count(
    reader: DocumentReader, tmp_path: Path
) -> None:
    slug = text_at(50, 800, "Slug text outside the crop with more than twenty letters").encode()
    path = write_pdf(tmp_path / "b.pdf", [slug], page_entries="/CropBox [50 100 500 600]")
    page = await page_of(reader, path)
    assert (page.kind, page.words) == (PageKind.BLANK, ())


async def test_a_crop_box_outside_of_the_page_is_named(
    reader: DocumentReader, tmp_path: Path
) -> None:
    path = write_pdf(
        tmp_path / "cropped.pdf",
        [text_at(50, 700, LINE).encode()],
        page_entries="/CropBox [1000 1000 1200 1200]",
    )
    with pytest.raises(UnreadableError, match="crop box lies outside"):
        await page_of(reader, path)


async def test_characters_beyond_the_common_ones_are_read_and_meaningless_ones_are_no_minus(
    reader: DocumentReader, tmp_path: Path
) -> None:
    meanings = stream_object(
        b"begincmap 1 begincodespacerange <00> <ff> endcodespacerange 1 beginbfrange <20> "
        b"<7e> <0020> endbfrange "
        b"2 beginbfchar <41> <d83dde00> <42> <0000> endbfchar endcmap"
    )
    font = (
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding "
        b"/ToUnicode 5 0 R >>"
    )
    content = text_at(50, 700, "paid A twice B4711 and more words", font="F9").encode()
    page = await page_of(
        reader,
        write_pdf(tmp_path / "m.pdf", [content], objects=(meanings, font), fonts="/F9 6 0 R"),
    )
    assert text(page) == "paid \U0001f600 twice \ufffd4711 and more words"


async def test_rows_are_read_as_seen_whatever_the_order_of_the_file(
    reader: DocumentReader, tmp_path: Path
) -> None:
    footer, total, head = (
        text_at(50, 50, "Thank you for your order"),
        text_at(400, 400, "119.00"),
        text_at(50, 800, "Invoice 4711"),
    )
    page = await page_of(
        reader,
        write_pdf(
            tmp_path / "o.pdf", [(footer + total + text_at(50, 400, "Total EUR") + head).encode()]
        ),
    )
    assert text(page) == "Invoice 4711 Total EUR 119.00 Thank you for your order"


@pytest.mark.parametrize("lower", [0, 4, 7, 9])
async def test_columns_of_prose_are_not_mixed(
    reader: DocumentReader, tmp_path: Path, lower: int
) -> None:
    """Nor where the lines of the second stand `lower` points below those of the first."""
    left = [
        "the goods stay our own until",
        "they are paid for in full",
        "and the court of Rotterdam",
        "decides in case of need",
    ]
    right = [
        "interest of eight percent is",
        "due when you pay too late",
        "and each reminder costs you",
        "fifteen euros on top of that",
    ]
    content = "".join(
        text_at(50, 700 - 12 * n, a) + text_at(320, 700 - 12 * n - lower, b)
        for n, (a, b) in enumerate(zip(left, right, strict=True))
    )
    page = await page_of(reader, write_pdf(tmp_path / "c.pdf", [content.encode()]))
    assert text(page) == " ".join(left + right)


async def test_a_real_invoice_is_read(reader: DocumentReader) -> None:
    page = await page_of(reader, REAL / "coolblue1.pdf")
    assert page.kind is PageKind.TEXT_WITH_PICTURES
    assert {"FACTUUR.", "Coolblue", "B.V.", "993548900"} <= {word.text for word in page.words}


async def test_form_values_and_notes_are_words_of_the_page(
    reader: DocumentReader, tmp_path: Path
) -> None:
    field = (
        b"<< /FT /Tx /T (number) /V (INV-2026-7) /Type /Annot /Subtype /Widget /Rect [100 700 "
        b"300 720] /F 4 /DA (/F1 10 Tf) >>"
    )
    note = (
        b"<< /Type /Annot /Subtype /FreeText /Rect [100 600 300 620] /Contents (paid in cash) "
        b"/F 4 /DA (/F1 10 Tf) >>"
    )
    hidden = (
        b"<< /Type /Annot /Subtype /FreeText /Rect [100 500 300 520] /Contents (secret) /F 2 "
        b"/DA (/F1 10 Tf) >>"
    )
    form = b"<< /Fields [6 0 R] /NeedAppearances true /DR << /Font << /F1 3 0 R >> >> >>"
    path = write_pdf(
        tmp_path / "f.pdf",
        [text_at(50, 760, LINE).encode()],
        objects=(form, field, note, hidden),
        catalog_entries="/AcroForm 5 0 R",
        page_entries="/Annots [6 0 R 7 0 R 8 0 R]",
    )
    page = await page_of(reader, path)
    assert page.form_fields == {"number": "INV-2026-7"}
    assert text(page) == f"{LINE} INV-2026-7 paid in cash"


async def test_fields_give_what_they_show_and_no_password(
    reader: DocumentReader, tmp_path: Path
) -> None:
    widget = "/Type /Annot /Subtype /Widget /F 4 /DA (/F1 10 Tf)"
    choice = (
        "<< /FT /Ch /Ff 131072 /T (terms) /Opt [[(k1) (At once)] [(k2) (In 30 days)]] /V (k2) "
        f"/Rect [100 700 300 720] {widget} >>"
    )
    password = f"<< /FT /Tx /Ff 8192 /T (pin) /V (s3cret) /Rect [100 600 300 620] {widget} >>"
    form = b"<< /Fields [6 0 R 7 0 R] /NeedAppearances true /DR << /Font << /F1 3 0 R >> >> >>"
    path = write_pdf(
        tmp_path / "c.pdf",
        [text_at(50, 760, LINE).encode()],
        objects=(form, choice.encode(), password.encode()),
        catalog_entries="/AcroForm 5 0 R",
        page_entries="/Annots [6 0 R 7 0 R]",
    )
    page = await page_of(reader, path)
    assert page.form_fields == {"terms": "In 30 days"}
    assert text(page) == f"{LINE} In 30 days"


async def test_attachments_come_byte_for_byte(reader: DocumentReader, tmp_path: Path) -> None:
    data = b"<?xml version='1.0'?>\r\n<Invoice/>\x00\xff"
    path = write_pdf(
        tmp_path / "x.pdf",
        [b""],
        objects=(
            b"<< /Names [(a) 6 0 R (b) 8 0 R (c) 9 0 R] >>",
            b"<< /Type /Filespec /F (factur-x.xml) /UF (factur-x.xml) /EF << /F 7 0 R >> >>",
            stream_object(zlib.compress(data), "/Type /EmbeddedFile /Filter /FlateDecode"),
            b"<< /Type /Filespec /F (broken.xml) /UF (broken.xml) /EF << /F 99 0 R >> >>",
            b"<< /Type /Filespec /UF <FEFFD800006C> /EF << /F 99 0 R >> >>",  # half a character
        ),
        catalog_entries="/Names << /EmbeddedFiles 5 0 R >>",
    )
    document = identify(path)
    assert (await reader.open(document)).attachment_names == (
        "factur-x.xml",
        "broken.xml",
        "attachment-3",
    )
    assert await reader.attachments(document) == [("factur-x.xml", data)]


async def test_a_gigabyte_of_attachments_is_not_unpacked_and_xml_goes_first(
    reader: DocumentReader, tmp_path: Path
) -> None:
    padding = stream_object(
        zlib.compress(bytes(31 << 20)), "/Type /EmbeddedFile /Filter /FlateDecode"
    )
    data = b"<?xml version='1.0'?><Invoice/>"
    files = [("padding.bin", 6)] * 33 + [("factur-x.xml", 7)]
    names = " ".join(
        f"({n:02d}) << /Type /Filespec /F ({name}) /UF ({name}) /EF << /F {o} 0 R >> >>"
        for n, (name, o) in enumerate(files)
    )
    objects = (
        f"<< /Names [{names}] >>".encode(),
        padding,
        stream_object(data, "/Type /EmbeddedFile"),
    )
    path = write_pdf(
        tmp_path / "g.pdf",
        [b""],
        objects=objects,
        catalog_entries="/Names << /EmbeddedFiles 5 0 R >>",
    )
    attached = await reader.attachments(identify(path))
    assert [attachment.name for attachment in attached] == [
        "factur-x.xml",
        "padding.bin",
        "padding.bin",
    ]
    assert attached[0].data == data


async def test_page_kinds(reader: DocumentReader, tmp_path: Path) -> None:
    long_text = " ".join([LINE] * 4)
    outlines = "".join(
        f"{50 + 9 * n} 600 m {55 + 9 * n} 640 l {60 + 9 * n} 600 l f\n" for n in range(30)
    ).encode()
    private = stream_object(
        b"begincmap 1 begincodespacerange <00> <ff> endcodespacerange 1 beginbfrange <20> "
        b"<7e> <e020> endbfrange endcmap"
    )
    garbled = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 5 0 R >>"
    kinds = {
        "text": write_pdf(tmp_path / "text.pdf", [text_at(20, 700, LINE).encode()]),
        "scan": make_scan_pdf(tmp_path / "scan.pdf"),
        "scan ": make_scan_pdf(
            tmp_path / "stamped.pdf", stamp="Received on 14 March 2026 by accounting"
        ),
        "ocr_layer": make_scan_pdf(tmp_path / "ocr.pdf", invisible_text=long_text),
        "outlines": write_pdf(tmp_path / "outlines.pdf", [outlines]),
        "blank": write_pdf(tmp_path / "blank.pdf", [b"1 g 10 10 100 100 re f"]),
        "broken_text": write_pdf(
            tmp_path / "broken.pdf",
            [text_at(20, 700, LINE, font="F9").encode()],
            objects=(private, garbled),
            fonts="/F9 6 0 R",
        ),
    }
    found = {expected: (await page_of(reader, path)).kind.value for expected, path in kinds.items()}
    assert found == {expected: expected.strip() for expected in kinds}


async def test_a_scan_of_an_empty_sheet_is_blank(reader: DocumentReader, tmp_path: Path) -> None:
    sheet = stream_object(
        bytes(250 if (n * 7) % 5 else 246 for n in range(40 * 400)),
        "/Type /XObject /Subtype /Image /Width 40 /Height 400 /ColorSpace /DeviceGray "
        "/BitsPerComponent 8",
    )
    path = write_pdf(
        tmp_path / "e.pdf",
        [b"q 595 0 0 842 0 0 cm /Im1 Do Q"],
        objects=(sheet,),
        resources="/XObject << /Im1 5 0 R >>",
    )
    assert (await page_of(reader, path)).kind is PageKind.BLANK


@pytest.mark.parametrize("max_side_px", [512, 1024, 1540])
async def test_images_come_straight_to_size(
    reader: DocumentReader, tmp_path: Path, max_side_px: int
) -> None:
    image = (await visit(reader, make_pdf(1, tmp_path / "p.pdf"), max_side_px)).image
    assert image.media_type == "image/jpeg"
    assert (image.width_px, image.height_px) == (round(max_side_px * 595 / 842), max_side_px)
    decoded = Image.open(io.BytesIO(image.data))
    assert decoded.size == (image.width_px, image.height_px)
    assert decoded.mode == "RGB"


async def test_a_page_without_colour_is_grey_and_one_of_few_colours_is_png(
    reader: DocumentReader, tmp_path: Path
) -> None:
    grey = (
        await visit(reader, write_pdf(tmp_path / "g.pdf", [text_at(50, 700, LINE).encode()]))
    ).image
    assert Image.open(io.BytesIO(grey.data)).mode == "L"
    flat = (
        await visit(reader, write_pdf(tmp_path / "f.pdf", [b"1 0 0 rg 0 0 595 421 re f"]))
    ).image
    assert flat.media_type == "image/png"
    assert Image.open(io.BytesIO(flat.data)).convert("RGB").getpixel((10, 1000)) == (255, 0, 0)


async def test_a_small_coloured_word_keeps_the_page_in_colour(
    reader: DocumentReader, tmp_path: Path
) -> None:
    path = write_pdf(
        tmp_path / "red.pdf",
        [(text_at(50, 700, LINE) + text_at(50, 650, "OVERDUE", colour="1 0 0 rg")).encode()],
    )
    assert Image.open(io.BytesIO((await visit(reader, path)).image.data)).mode == "RGB"


async def test_an_encrypted_pdf_opens_with_an_empty_owner_or_known_password(
    reader: DocumentReader, tmp_path: Path
) -> None:
    assert (await reader.open(identify(REAL / "pypdf-r4-owner-password.pdf"))).page_count == 1
    locked = identify(REAL / "pypdf-r4-user-password.pdf")
    with pytest.raises(PasswordError, match=r"no password is known.*passwords_env"):
        await reader.open(locked)
    async with DocumentReader(
        RenderSettingsSpec(), store_url=str(tmp_path), passwords=["wrong", "asdfzxcv"], workers=1
    ) as knowing:
        assert (await knowing.open(locked)).page_count == 1
        assert "asdfzxcv" not in repr(knowing)
    async with DocumentReader(
        RenderSettingsSpec(), store_url=str(tmp_path), passwords=["wrong"], workers=1
    ) as guessing:
        with pytest.raises(PasswordError, match="none of the 1 known passwords"):
            await guessing.open(locked)


async def test_a_damaged_page_leaves_the_others_readable(reader: DocumentReader) -> None:
    document = identify(REAL / "opf-T02-02_007_page-tree-wrong-count.pdf")
    assert (await reader.open(document)).page_count == 9
    assert "PDF-world!" in text(await reader.page(document, 1, ocr=False))
    with pytest.raises(UnreadableError, match="page 2: the page is damaged"):
        await reader.page(document, 2, ocr=False)
