"""A file's type comes from its bytes; its name plays no part."""

import hashlib
import os
import sys
from pathlib import Path

import pytest

from schemas.errors import SourceError
from tasks.documents.identify import identify, media_type_of
from tests.support.documents import REAL, make_pdf


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b"%PDF-1.4\n", "application/pdf"),
        (b"From: mailer\r\n\r\n%PDF-1.4\n", "application/pdf"),
        (
            b"0\x82\x10\x00\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x82<?xml",
            "application/pkcs7-mime",
        ),
        (b"0\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02%PDF-1.4", "application/pdf"),
        (b"MIIGdAYJKoZIhvcNAQcCoIIGZTCC", "application/pkcs7-mime"),
        (b"MIAGCSqGSIb3DQEHAqCAMIACAQEx", "application/pkcs7-mime"),
        (b"\x89PNG\r\n\x1a\n\x00", "image/png"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "image/jpeg"),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"\x00\x00\x00\x1cftypavif", "image/avif"),
        (b"\x00\x00\x00\x1cftypheic", "image/heic"),
        (b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1avif", "image/avif"),
        (b"II*\x00\x08\x00", "image/tiff"),
        (b"PK\x03\x04\x14\x00", "application/zip"),
        (b"<!DOCTYPE html><html>", "text/html"),
        (b"  <HTML><body>404", "text/html"),
        (b"Dear customer,\n", "text/plain"),
        (b"BMW AG, Munich\n", "text/plain"),
        (b"\xff\xd8\xff\xe1 made from %PDF-1.4", "image/jpeg"),
        (b"<?xml version='1.0'?><!-- made from %PDF-1.4 --><Invoice/>", "application/xml"),
        (
            b"<?xml version='1.0'?><Invoice><Note><![CDATA[<html>]]></Note></Invoice>",
            "application/xml",
        ),
        (b"<html>a warning of the server</html>\n%PDF-1.4\n", "application/pdf"),
        (b"P1\n# a comment\n2 2\n", "image/x-portable-anymap"),
        (b"#define total_width 600\n", "image/x-xbitmap"),
        (b"/* XPM */\nstatic char", "image/x-xpixmap"),
        (
            b"<svg xmlns='http://www.w3.org/2000/svg'>",
            "application/xml",
        ),  # its error names the root element
        (b"\x01\x02\x03\x04\x05", "application/octet-stream"),
        (b"", "application/x-empty"),
        (b'<?xml version="1.0"?><Invoice xmlns="urn:x">', "application/xml"),
        (b'\xef\xbb\xbf\n<?xml version="1.0"?>', "application/xml"),
        ("\ufeff<?xml version='1.0' encoding='UTF-16'?>".encode("utf-16-le"), "application/xml"),
        ("<?xml version='1.0' encoding='UTF-16'?>".encode("utf-16-le"), "application/xml"),
        ("<?xml version='1.0' encoding='UTF-16'?>".encode("utf-16-be"), "application/xml"),
        ("\ufeff<?xml version='1.0'?>".encode("utf-32-le"), "application/xml"),
        (b"<sh:StandardBusinessDocument xmlns:sh='urn:x'>", "application/xml"),
        (b"<SelfBilledInvoice xmlns='urn:x'>", "application/xml"),
        (b"<rsm:CrossIndustryInvoice xmlns:rsm='urn:x'>", "application/xml"),
        (b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">', "text/html"),
    ],
)
def test_the_first_bytes_tell_the_type(head: bytes, media_type: str) -> None:
    assert media_type_of(head) == media_type


def test_a_wrong_extension_does_not_matter(tmp_path: Path) -> None:
    misnamed = tmp_path / "invoice.pdf"
    misnamed.write_bytes((REAL / "590.jpg").read_bytes())
    assert identify(misnamed).media_type == "image/jpeg"


def test_the_same_bytes_are_the_same_document_wherever_they_lie(tmp_path: Path) -> None:
    one, other = make_pdf(1, tmp_path / "one.pdf"), tmp_path / "other.bin"
    other.write_bytes(one.read_bytes())
    first, second = identify(one), identify(other)
    assert first.document_id == second.document_id == hashlib.sha256(one.read_bytes()).hexdigest()
    assert first.path != second.path
    assert first.size_bytes == one.stat().st_size


@pytest.mark.parametrize("name", ["missing.pdf", "."])
def test_a_path_that_cannot_be_read_is_a_source_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        identify(tmp_path / name)


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes of POSIX")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "invoice.pdf")
    with pytest.raises(SourceError, match="a pipe or a device"):
        identify(tmp_path / "invoice.pdf")
