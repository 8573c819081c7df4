"""XML that is damaged, mislabelled or made to harm: read where its content is clear, refused in
milliseconds where it is not."""

import random
import tracemalloc

import pytest

from schemas.errors import DocumentError, LimitError, UnreadableError
from tasks.einvoices.read import EInvoice, read_einvoice
from tasks.einvoices.xml_tree import MAX_BYTES, looks_like_xml, parse_xml
from tests.support.einvoice_files import xml_of
from tests.support.work import within_calls

GOOD = xml_of("ubl-full.xml")
TEXT = GOOD.decode()
SELLER = "Nordwind Bürobedarf GmbH"

BILLION_LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol">'
    + "".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">'
        for before, name in zip("abcdefghi", "bcdefghij", strict=True)
    )
    + "]><Invoice>&j;</Invoice>"
).encode()
EXTERNAL = (
    b'<!DOCTYPE Invoice [<!ENTITY x SYSTEM "file:///etc/passwd">]><Invoice '
    b'xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"><ID>&x;</ID></Invoice>'
)
EXTERNAL_DTD = b'<!DOCTYPE Invoice SYSTEM "http://127.0.0.1:9/evil.dtd"><Invoice/>'


def peak_until_refused(data: bytes, words: str) -> int:
    """Bytes that were in use at most while `data` was parsed."""
    tracemalloc.start()
    try:
        with pytest.raises(LimitError, match=words):
            parse_xml(data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def seller_in(data: bytes) -> object:
    read = read_einvoice(data)
    assert isinstance(read, EInvoice)
    return read.values["seller"]["name"]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\xef\xbb\xbf" + GOOD, id="UTF-8 with a byte-order mark"),
        pytest.param(TEXT.encode("utf-16"), id="UTF-16 with a mark, declared UTF-8"),
        pytest.param(TEXT.encode("utf-16-be"), id="UTF-16 without a mark, declared UTF-8"),
        pytest.param(TEXT.encode("utf-32"), id="UTF-32 with a mark, declared UTF-8"),
        pytest.param(TEXT.replace("UTF-8", "UTF-16").encode(), id="UTF-8, declared UTF-16"),
        pytest.param(TEXT.replace("UTF-8", "ISO-8859-1").encode(), id="UTF-8, declared ISO-8859-1"),
        pytest.param(
            TEXT.replace("UTF-8", "ISO-8859-1").encode("iso-8859-1"), id="ISO-8859-1, as declared"
        ),
        pytest.param(TEXT.encode("cp1252"), id="Windows-1252, declared UTF-8"),
        pytest.param(
            TEXT.replace("UTF-8", "klingon").encode("cp1252"),
            id="Windows-1252, declared an encoding that does not exist",
        ),
        pytest.param(
            TEXT.replace("UTF-8", "hex").encode("cp1252"),
            id="Windows-1252, declared a codec that is not text",
        ),
        pytest.param(b"\r\n  " + GOOD, id="space before the declaration"),
        pytest.param(GOOD + b"\0\0\0", id="zero bytes at the end"),
        pytest.param(TEXT.partition("?>")[2].encode(), id="no declaration"),
    ],
)
def test_the_encoding_is_found_whatever_is_declared(data: bytes):
    assert looks_like_xml(data)
    assert seller_in(data) == SELLER


@pytest.mark.parametrize(
    "data",
    [BILLION_LAUGHS, EXTERNAL, EXTERNAL_DTD],
    ids=["billion laughs", "external entity", "external DTD"],
)
def test_a_doctype_is_refused_before_anything_is_expanded(data: bytes):
    with pytest.raises(UnreadableError, match="DOCTYPE"):
        within_calls(1_000, lambda: read_einvoice(data))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"   ",
        b"<",
        b"not xml",
        GOOD[:3000],
        GOOD.replace(b"</cbc:ID>", b"", 1),
        GOOD + b"<more/>",
        b"<a>\x01</a>",
    ],
)
def test_damaged_xml_is_unreadable(data: bytes):
    with pytest.raises(UnreadableError, match="not well-formed"):
        read_einvoice(data)


def test_a_hundred_megabytes_are_refused_without_being_parsed():
    huge = b"<Invoice>" + b" " * 100_000_000 + b"</Invoice>"
    assert peak_until_refused(huge, "100,000,019 bytes") < 1_000_000


@pytest.mark.parametrize(
    "data", [b"<a>" * 100_000, b"<i>" + b"<a/>" * 500_001 + b"</i>"], ids=["deep", "many elements"]
)
def test_trees_that_no_invoice_has_are_cut_off(data: bytes):
    with pytest.raises(LimitError, match="nests deeper"):
        parse_xml(data)


def test_one_long_namespace_in_many_names_is_no_bomb():
    names = b"".join(b"<x:b%d/>" % number for number in range(1_000))
    data = b"<x:a xmlns:x='urn:" + b"u" * 1_000_000 + b"'>" + names + b"</x:a>"
    assert peak_until_refused(data, "names in the XML") < 20_000_000


def test_attributes_without_number_are_refused_before_they_are_read():
    data = b"<a " + b"".join(b"b%d='' " % number for number in range(1_000_001)) + b"/>"
    with pytest.raises(LimitError, match="attributes"):
        parse_xml(data)


@pytest.mark.parametrize("encoding", ["idna", "undefined", "punycode", "zlib", "utf-7", "nonsense"])
def test_a_declared_encoding_that_reads_no_text_is_passed_over(encoding: str):
    data = (
        GOOD.decode()
        .replace("UTF-8", encoding, 1)
        .replace(SELLER, "Café", 1)
        .encode("cp1252", errors="replace")
    )
    assert encoding.encode() in data[:100]
    assert seller_in(data) == "Café"


def test_an_invoice_with_a_large_attachment_inside_is_read():
    picture = b"A" * 20_000_000
    data = GOOD.replace(b"YTtiCg==", picture)
    assert len(data) < MAX_BYTES
    assert seller_in(data) == SELLER


def test_bytes_changed_at_random_end_in_an_invoice_or_a_named_error():
    generator, codes = random.Random(16931), set()
    for _ in range(300):
        data = bytearray(xml_of(generator.choice(["cii-full.xml", "ubl-full.xml"])))
        for _ in range(generator.randint(1, 20)):
            data[generator.randrange(len(data))] = generator.randrange(256)
        try:
            read_einvoice(bytes(data))
        except DocumentError as error:
            codes.add(error.code)
    assert codes <= {"unreadable", "limit"}
