"""Identity of a file: its SHA-256, and its media type by its first bytes, never by its name."""

import hashlib
import re
from pathlib import Path

from schemas.document import Document
from schemas.errors import MachineError, SourceError

PDF = "application/pdf"
XML = "application/xml"
EMPTY = "application/x-empty"
UNKNOWN = "application/octet-stream"
SIGNED = "application/pkcs7-mime"

HEAD_BYTES = 4096
_PDF_HEADER_WITHIN = (
    1024  # readers accept bytes before %PDF-, such as mail headers (PDF 1.7, annex H.3.4.1)
)

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", PDF),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"II+\x00", "image/tiff"),
    (b"MM\x00+", "image/tiff"),
    (b"8BPS", "image/vnd.adobe.photoshop"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "image/jp2"),
    (b"\xff\x4f\xff\x51", "image/jp2"),
    (b"PK\x03\x04", "application/zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"{\\rtf", "application/rtf"),
    (b"\x1f\x8b", "application/gzip"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!", "application/vnd.rar"),
    (b"%!PS", "application/postscript"),
    (b"/* XPM */", "image/x-xpixmap"),
    (b"SIMPLE  =", "image/fits"),
)
_BRANDS = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"hevc": "image/heic",
    b"mif1": "image/heic",
    b"msf1": "image/heic",
}
_SIGNATURES = (
    (
        re.compile(rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\x00\x00\x00", re.DOTALL),
        "image/bmp",
    ),  # and the size of its second header
    (
        re.compile(rb"0.{1,5}\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02", re.DOTALL),
        SIGNED,
    ),  # PKCS #7 signedData in DER or BER
    (  # the same in base64, by the length of its length
        re.compile(rb"MI(AGCSqGSIb3DQEHAq|G[\w+/]BgkqhkiG9w0BBwK|[\w+/]{3,5}YJKoZIhvcNAQcC)"),
        SIGNED,
    ),
    (re.compile(rb"P[1-6]\s+(#[^\n]*\n\s*)*\d+\s"), "image/x-portable-anymap"),
    (re.compile(rb"#define\s+\w+_width\s+\d"), "image/x-xbitmap"),
)
_XML_START = re.compile(
    r"<\?xml|<([\w.-]+:)?"
    r"(CrossIndustryInvoice|CrossIndustryDocument|SCRDMCCBDACIOMessageStructure|(SelfBilled)?(Invoice|CreditNote)|StandardBusinessDocument|svg)\b"
)
_HTML_START = re.compile(
    r"(<\?xml[^>]*\?>|<!--.*?-->|\s)*<(!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
_MAY_PRECEDE_A_PDF = (
    UNKNOWN,
    SIGNED,
    "text/plain",
    "text/html",
)  # what a mailer or a web server wrote before it
_BOMS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_UNMARKED_XML = ((b"<\x00?\x00", "utf-16-le"), (b"\x00<\x00?", "utf-16-be"))  # XML 1.0, appendix F
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def identify(path: Path) -> Document:
    """Read the file once and tell what it is. Blocks.

    Every readable file is a Document, also one of a type that no step can read. Raises SourceError
    when it cannot be read.
    """
    try:
        if not (path.is_file() or path.is_dir() or not path.exists()):
            raise SourceError(
                f"{path}: cannot be read: a pipe or a device, not a file"
            )  # opening it might wait for ever
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256")
            size_bytes = file.tell()
    except OSError as error:
        machine = MachineError.of(f"{path}: cannot be read", error)
        if machine is not None:
            raise machine from error
        raise SourceError(
            f"{path}: cannot be read: {error.strerror or type(error).__name__}"
        ) from error
    return Document(
        document_id=digest.hexdigest(),
        path=path.absolute(),
        media_type=media_type_of(head),
        size_bytes=size_bytes,
    )


def media_type_of(head: bytes) -> str:
    """The media type told by the first `HEAD_BYTES` bytes of a file; `application/octet-stream`
    when they tell nothing."""
    if not head:
        return EMPTY
    found = _by_signature(head) or _text_type(head)
    return PDF if found in _MAY_PRECEDE_A_PDF and b"%PDF-" in head[:_PDF_HEADER_WITHIN] else found


def _by_signature(head: bytes) -> str | None:
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp" and head[8:12] in _BRANDS:
        return (
            "image/avif" if b"avif" in head[8:64] else _BRANDS[head[8:12]]
        )  # `mif1` files name their coding among the further brands
    for magic, media_type in _MAGIC:
        if head.startswith(magic):
            return media_type
    return next((media_type for start, media_type in _SIGNATURES if start.match(head)), None)


def _text_type(head: bytes) -> str:
    bom, encoding = next(
        ((bom, encoding) for bom, encoding in _BOMS if head.startswith(bom)), (b"", "utf-8")
    )
    unmarked = next((encoding for start, encoding in _UNMARKED_XML if head.startswith(start)), None)
    start = head[len(bom) :].decode(unmarked or encoding, errors="replace").lstrip()
    if _XML_START.match(start) or (start.startswith("<!--") and _XML_START.search(start)):
        return "text/html" if _HTML_START.match(start) else XML
    if _HTML_START.match(start):
        return "text/html"
    return UNKNOWN if not bom and _CONTROL.search(head) else "text/plain"
