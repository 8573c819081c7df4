"""The einvoice step on real files: what it fills, what it leaves to the next steps, what it
refuses."""

import json
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import BaseModel, Field

from schemas.errors import LimitError, UnreadableError, UnsupportedTypeError, WorkerError
from schemas.flow import EinvoiceSettings
from schemas.record import Draft
from tasks.services import Services
from tasks.steps.einvoice import einvoice
from tests.support.einvoice_files import (
    EINVOICES,
    draft_of,
    pdf_with,
    services_in,
    with_schema,
    xml_of,
)
from tests.support.shared_data import SHARED_DATA, needs_shared_data


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def services(tmp_path_factory: pytest.TempPathFactory):
    async with services_in(tmp_path_factory.mktemp("services")) as opened:
        yield opened


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def read(path: Path, services: Services) -> Draft:
    return await einvoice(draft_of(path), EinvoiceSettings(), services)


@pytest.mark.parametrize(
    ("name", "number", "total"),
    [
        ("zugferd-1-basic.pdf", "471102", "235.62"),
        ("zugferd-2-extended.pdf", "2015738820", "447.88"),
    ],
)
async def test_a_pdf_with_embedded_xml_is_complete_and_every_value_has_its_place(
    services: Services, name: str, number: str, total: str
):
    draft = await read(EINVOICES / name, services)
    assert draft.record_complete
    assert draft.record is not None
    assert (draft.record["number"], draft.record["total"]) == (number, total)
    assert draft.record["contract_reference"] is None
    assert draft.findings == ()
    assert {(each.found_by, each.confidence) for each in draft.evidence} == {("einvoice", 1.0)}
    place = next(each for each in draft.evidence if each.field == "number")
    assert place.path is not None
    assert place.path.endswith("ExchangedDocument/ID")


@pytest.mark.parametrize("name", ["factur-x-minimum.xml", "factur-x-basic-wl.xml"])
async def test_a_small_profile_in_a_pdf_goes_on_to_the_pages_with_what_is_known(
    services: Services, tmp_path: Path, name: str
):
    draft = await read(pdf_with(tmp_path / "a.pdf", {"factur-x.xml": xml_of(name)}), services)
    assert not draft.record_complete
    assert draft.record is not None
    assert draft.record["number"] == "471102"
    assert draft.record["lines"] == []


async def test_a_small_profile_is_enough_for_a_schema_that_wants_no_more(
    services: Services, tmp_path: Path
):
    class Booking(BaseModel):
        invoice_number: str
        supplier: str
        total: float

    path = pdf_with(tmp_path / "a.pdf", {"factur-x.xml": xml_of("factur-x-minimum.xml")})
    draft = await read(path, with_schema(services, Booking))
    assert draft.record_complete
    assert draft.record == {
        "invoice_number": "471102",
        "supplier": "Lieferant GmbH",
        "total": 235.62,
    }


async def test_lines_that_a_small_profile_leaves_out_are_known_by_their_alias(
    services: Services, tmp_path: Path
):
    class Booking(BaseModel):
        number: str
        rows: list[str] = Field([], alias="line_items")

    path = pdf_with(tmp_path / "a.pdf", {"factur-x.xml": xml_of("factur-x-basic-wl.xml")})
    assert not (await read(path, with_schema(services, Booking))).record_complete


async def test_a_bare_file_is_complete_because_no_page_can_add_to_it(
    services: Services, tmp_path: Path
):
    class WithCostCentre(BaseModel):
        number: str
        cost_centre: str

    path = tmp_path / "rechnung.xml"
    path.write_bytes(xml_of("ubl-full.xml"))
    draft = await read(path, with_schema(services, WithCostCentre))
    assert draft.record_complete
    assert draft.record == {"number": "R-2026/0042", "cost_centre": None}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
async def test_a_bare_file_is_known_in_any_encoding(
    services: Services, tmp_path: Path, encoding: str
):
    path = tmp_path / "RECHNUNG.XML"
    path.write_bytes(xml_of("cii-full.xml").decode().encode(encoding))
    assert (await read(path, services)).record_complete


async def test_a_flow_without_a_schema_gets_the_shipped_one(services: Services):
    draft = await read(EINVOICES / "ubl-credit-note.xml", with_schema(services, None))
    assert draft.record is not None
    assert draft.record["type_code"] == "381"


@pytest.mark.parametrize(
    "name", ["FACTUR-X.XML", "XRechnung.xml", "ZUGFeRD-invoice.xml", "data.bin"]
)
async def test_the_attachment_is_known_by_its_content_in_any_case(
    services: Services, tmp_path: Path, name: str
):
    path = pdf_with(tmp_path / "a.pdf", {"terms.txt": b"read me", name: xml_of("ubl-full.xml")})
    assert (await read(path, services)).record_complete


async def test_the_invoice_is_found_among_other_xml(services: Services, tmp_path: Path):
    attachments = {
        "a.xml": b"<note/>",
        "order-x.xml": xml_of("order-x-basic.xml"),
        "zz.xml": xml_of("cii-full.xml"),
    }
    draft = await read(pdf_with(tmp_path / "a.pdf", attachments), services)
    assert draft.record_complete
    assert draft.findings == ()


async def test_a_second_invoice_in_one_pdf_is_told(services: Services, tmp_path: Path):
    first = xml_of("cii-full.xml")
    attachments = {
        "factur-x.xml": first,
        "copy.xml": first,
        "other.xml": xml_of("ubl-credit-note.xml"),
    }
    draft = await read(pdf_with(tmp_path / "a.pdf", attachments), services)
    assert draft.record_complete
    assert [(finding.code, finding.weight) for finding in draft.findings] == [
        ("einvoice_several", "review")
    ]
    assert "'other.xml' is another invoice" in draft.findings[0].message


async def test_thousands_of_attachments_are_told_in_a_few_notes(services: Services, tmp_path: Path):
    path = pdf_with(tmp_path / "a.pdf", {f"{number:04}.xml": b"<a/>" for number in range(1_000)})
    messages = [finding.message for finding in (await read(path, services)).findings]
    assert len(messages) == 11
    assert messages[-1] == "the same of 990 more attached files"


async def test_xml_that_is_too_large_is_told(services: Services, tmp_path: Path):
    path = pdf_with(
        tmp_path / "a.pdf", {"factur-x.xml": xml_of("cii-full.xml") + b"\n" * (33 << 20)}
    )
    draft = await read(path, services)
    assert draft.record is None
    assert [(finding.code, finding.weight) for finding in draft.findings] == [
        ("einvoice_unreadable", "note")
    ]
    assert "'factur-x.xml'" in draft.findings[0].message


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (xml_of("order-x-basic.xml"), "einvoice_not_an_invoice", "an order (Order-X)"),
        (xml_of("cii-full.xml")[:5000], "einvoice_unreadable", "not well-formed"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "einvoice_unreadable", "DOCTYPE"),
    ],
    ids=["Order-X", "cut off", "DOCTYPE"],
)
async def test_a_pdf_whose_xml_is_no_use_goes_on_with_a_note(
    services: Services, tmp_path: Path, data: bytes, code: str, words: str
):
    draft = await read(pdf_with(tmp_path / "a.pdf", {"factur-x.xml": data}), services)
    assert draft.record is None
    assert not draft.record_complete
    assert [(finding.code, finding.weight) for finding in draft.findings] == [(code, "note")]
    assert words in draft.findings[0].message


async def test_documents_without_xml_come_back_unchanged(services: Services, tmp_path: Path):
    picture = draft_of(Path(__file__).parents[3] / "examples" / "inbox" / "contoso-picture.jpg")
    assert await einvoice(picture, EinvoiceSettings(), services) == picture
    plain = draft_of(pdf_with(tmp_path / "plain.pdf", {}))
    assert await einvoice(plain, EinvoiceSettings(), services) == plain


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (xml_of("order-x-basic.xml"), UnsupportedTypeError, "an order (Order-X), not an invoice"),
        (b"<?xml version='1.0'?><note/>", UnsupportedTypeError, "root element <note>"),
        (xml_of("cii-full.xml")[:5000], UnreadableError, "the XML is not well-formed"),
        (
            b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
            UnreadableError,
            "DOCTYPE",
        ),
        (b"<?xml version='1.0'?>" + b" " * 100_000_000, LimitError, "100,000,021 bytes"),
    ],
    ids=["Order-X", "other XML", "cut off", "external entity", "100 MB"],
)
async def test_a_bare_file_that_is_no_invoice_is_refused_by_name(
    services: Services, tmp_path: Path, data: bytes, error: type[Exception], words: str
):
    path = tmp_path / "bare.xml"
    path.write_bytes(data)
    with pytest.raises(error) as caught:
        await read(path, services)
    assert words in str(caught.value)
    assert "bare.xml" not in str(caught.value), "whoever shows the error names the file, once"


async def test_a_date_that_does_not_exist_is_told(services: Services, tmp_path: Path):
    path = tmp_path / "a.xml"
    path.write_bytes(xml_of("ubl-full.xml").replace(b"2026-04-01", b"2026-04-31"))
    draft = await read(path, services)
    assert [finding.code for finding in draft.findings] == ["einvoice_value_unreadable"]
    assert "/Invoice/DueDate" in draft.findings[0].message
    assert draft.record is not None
    assert draft.record["due_date"] is None


@needs_shared_data
async def test_every_real_pdf_ends_as_its_label_says(services: Services):
    assert SHARED_DATA is not None
    for label_file in sorted((SHARED_DATA / "einvoices-dev").glob("*.json")):
        label = json.loads(label_file.read_text())
        draft = await read(label_file.with_suffix(".pdf"), services)
        small = label.get("profile") in ("MINIMUM", "BASIC WL")
        assert draft.record_complete is (label["class"] == "invoice-xml" and not small), (
            label_file.stem
        )
        assert (draft.record is not None) is (label["class"] == "invoice-xml")


async def test_attachments_that_kill_the_worker_leave_the_pages_to_be_read(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async def dies(_document: object) -> list[object]:
        raise WorkerError("the worker died")

    monkeypatch.setattr(services.reader, "attachments", dies)
    draft = await read(
        pdf_with(tmp_path / "a.pdf", {"factur-x.xml": xml_of("cii-full.xml")}), services
    )
    assert draft.record is None
    assert [(finding.code, finding.weight) for finding in draft.findings] == [
        ("einvoice_unreadable", "note")
    ]
