"""Real documents made on the spot: PDFs written object by object, so that tests of any length need
no file and no writer library."""

from pathlib import Path

_LINES_ON_A_PAGE = 12


def make_pdf(pages: int, path: Path) -> Path:
    """Write an invoice of `pages` A4 pages with a text layer to `path`; page N says "Invoice
    INV-NNNNN" and holds its own total."""
    return write_pdf(path, [_invoice_page(number) for number in range(1, pages + 1)])


def write_pdf(
    path: Path,
    contents: list[bytes],
    *,
    objects: tuple[bytes, ...] = (),
    catalog_entries: str = "",
    page_entries: str = "",
    resources: str = "",
    fonts: str = "",
    media_box: str = "0 0 595 842",
) -> Path:
    """Write a PDF of A4 pages from content streams; fonts /F1 (Helvetica) and /F2 (bold) are there.

    `objects` become objects 5, 6, ...; the entries go into the catalogue, each page's dictionary
    and its resources.
    """
    first_page = 5 + len(objects)
    kids = " ".join(f"{first_page + 2 * index} 0 R" for index in range(len(contents)))
    body = [
        f"<< /Type /Catalog /Pages 2 0 R {catalog_entries} >>".encode(),
        f"<< /Type /Pages /Kids [{kids}] /Count {len(contents)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>",
        *objects,
    ]
    for index, content in enumerate(contents):
        page = first_page + 2 * index
        body.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [{media_box}] /Contents {page + 1} 0 R "
            f"/Resources << /Font << /F1 3 0 R /F2 4 0 R {fonts} >> {resources} >> "
            f"{page_entries} >>".encode()
        )
        body.append(stream_object(content))
    path.write_bytes(assemble(body))
    return path


def stream_object(data: bytes, entries: str = "") -> bytes:
    return f"<< /Length {len(data)} {entries} >>\nstream\n".encode() + data + b"\nendstream"


def assemble(objects: list[bytes]) -> bytes:
    """A PDF file of numbered objects (1, 2, ...); object 1 is the catalogue."""
    out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n".encode() + content + b"\nendobj\n"
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{offset:010d} 00000 n \n".encode() for offset in offsets)
    out += (
        f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
    )
    return bytes(out)


def text_at(
    x: float, y: float, text: str, *, size: float = 10, font: str = "F1", colour: str = "0 g"
) -> str:
    """Content stream operators that show `text` with its baseline at (x, y), PDF points from the
    lower left corner."""
    escaped = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return f"{colour} BT /{font} {size} Tf {x} {y} Td ({escaped}) Tj ET\n"


def _invoice_page(number: int) -> bytes:
    net = 100 * number + 40
    parts = [
        "0.1 0.3 0.6 rg 40 790 515 24 re f\n",
        text_at(50, 797, "Northwind Paper Ltd", size=14, font="F2", colour="1 g"),
        text_at(50, 760, f"Invoice INV-{number:05d}", size=13, font="F2"),
        text_at(380, 760, "Date: 2026-03-14"),
        text_at(50, 735, "Bill to: Example Trading GmbH, Hauptstrasse 5, 10115 Berlin"),
        text_at(50, 700, "Description", font="F2")
        + text_at(330, 700, "Qty", font="F2")
        + text_at(450, 700, "Amount", font="F2"),
        "0.5 w 50 694 m 545 694 l S\n",
    ]
    for line in range(_LINES_ON_A_PAGE):
        y = 676 - 18 * line
        parts.append(
            text_at(50, y, f"Item {line + 1}, recycled paper, box of 500 sheets, page {number}")
        )
        parts.append(text_at(336, y, str(line + 1)) + text_at(450, y, f"{8 * line + number}.50"))
    parts += [
        text_at(380, 420, "Net amount") + text_at(480, 420, f"{net}.00"),
        text_at(380, 402, "VAT 20 %") + text_at(480, 402, f"{net * 0.2:.2f}"),
        text_at(380, 384, "Total EUR", font="F2")
        + text_at(480, 384, f"{net * 1.2:.2f}", font="F2"),
        text_at(50, 340, "Payment within 30 days to IBAN DE89 3704 0044 0532 0130 00"),
    ]
    return "".join(parts).encode("cp1252")


REAL = Path(__file__).parents[1] / "data" / "documents"
"""Real documents; where they come from is in `SOURCES.md` there."""


def make_scan_pdf(path: Path, *, invisible_text: str = "", stamp: str = "") -> Path:
    """A page that is one picture of lines, as a scanner makes it; with somebody's invisible OCR
    text, or a stamp over it."""
    rows = b"".join((b"\x00" if row % 16 < 8 else b"\xff") * 40 for row in range(400))
    picture = stream_object(
        rows,
        "/Type /XObject /Subtype /Image /Width 40 /Height 400 /ColorSpace /DeviceGray "
        "/BitsPerComponent 8",
    )
    content = "q 595 0 0 842 0 0 cm /Im1 Do Q\n"
    if invisible_text:
        content += "3 Tr " + text_at(50, 700, invisible_text) + "0 Tr "
    if stamp:
        content += text_at(50, 800, stamp)
    return write_pdf(
        path, [content.encode()], objects=(picture,), resources="/XObject << /Im1 5 0 R >>"
    )


def make_endless_pdf(path: Path, *, levels: int = 20) -> Path:
    """One tiny page that never finishes: forms that draw the next form three times, `levels`
    deep."""
    first = 5
    forms = tuple(
        stream_object(
            f"/F{number + 1} Do /F{number + 1} Do /F{number + 1} Do".encode()
            if number < first + levels - 1
            else b"0 0 10 10 re f",
            "/Type /XObject /Subtype /Form /BBox [0 0 100 100] /Resources << /XObject << "
            f"/F{number + 1} {number + 1} 0 R >> >>",
        )
        for number in range(first, first + levels)
    )
    return write_pdf(path, [b"/F5 Do"], objects=forms, resources="/XObject << /F5 5 0 R >>")
