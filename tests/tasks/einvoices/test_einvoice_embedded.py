"""XML and PDFs that a PDF carries without listing them, and pages that show nothing of its data."""

import zlib
from pathlib import Path

import pytest

from schemas.flow import RenderSettingsSpec
from schemas.record import Draft
from tasks.documents.worker.pdf_embedded import embedded_files
from tasks.steps.einvoice import einvoice
from tasks.steps.render import render
from tests.support.documents import make_pdf, stream_object, text_at, write_pdf
from tests.support.einvoice_files import draft_of, pdf_with, services_in, xml_of

PAGE = [text_at(50, 780, "A page.").encode()]
SPEC = b"<< /Type /Filespec /F (factur-x.xml) /UF (factur-x.xml) /EF << /F 5 0 R >> >>"


def embedded(data: bytes) -> bytes:
    return stream_object(zlib.compress(data), "/Type /EmbeddedFile /Filter /FlateDecode")


async def after_both_steps(path: Path, folder: Path) -> Draft:
    async with services_in(folder) as services:
        draft = await einvoice(draft_of(path), None, services)
        return await render(draft, RenderSettingsSpec(), services)


@pytest.mark.parametrize("named_by", ["AF", "annotation"])
async def test_xml_that_no_list_of_attachments_names_is_read(named_by: str, tmp_path: Path) -> None:
    push_pin = "<< /Type /Annot /Subtype /FileAttachment /Rect [0 0 9 9] /FS 6 0 R >>"
    path = write_pdf(
        tmp_path / "a.pdf",
        PAGE,
        objects=(embedded(xml_of("cii-full.xml")), SPEC),
        catalog_entries="/AF [6 0 R]" if named_by == "AF" else "",
        page_entries="" if named_by == "AF" else f"/Annots [{push_pin}]",
    )
    draft = await after_both_steps(path, tmp_path)
    assert draft.record is not None
    assert draft.record["number"] == "R-2026/0042"
    assert {evidence.found_by for evidence in draft.evidence} == {"einvoice"}


def test_what_nothing_refers_to_any_more_is_left_out(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "a.pdf", PAGE, objects=(embedded(xml_of("cii-full.xml")),))
    assert embedded_files(path, 1 << 20) == []


@pytest.mark.parametrize(
    "stream",
    [
        stream_object(b"not zlib at all", "/Type /EmbeddedFile /Filter /FlateDecode"),
        embedded(b"<" + b"a" * (2 << 20)),
        stream_object(b"<a/>", "/Type /EmbeddedFile /Filter [/ASCIIHexDecode /FlateDecode]"),
        embedded(b"plain text"),
    ],
    ids=["broken", "too large", "coded twice", "no XML"],
)
def test_what_cannot_be_used_is_left_out(stream: bytes, tmp_path: Path) -> None:
    objects = (stream, SPEC)
    path = write_pdf(tmp_path / "a.pdf", PAGE, objects=objects, catalog_entries="/AF [6 0 R]")
    assert embedded_files(path, 1 << 20) == []


def test_many_mentions_cost_bounded_time(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(b"%PDF-1.7\n" + b"1 0 obj << /EmbeddedFile " * 500_000)
    assert embedded_files(path, 1 << 20) == []


async def test_attached_pdfs_ask_for_a_review_unless_they_support_an_e_invoice(
    tmp_path: Path,
) -> None:
    other = make_pdf(1, tmp_path / "other.pdf").read_bytes()
    alone = pdf_with(tmp_path / "a.pdf", {"one.pdf": other, "two.pdf": other})
    [finding] = (await after_both_steps(alone, tmp_path)).findings
    assert (finding.code, finding.weight) == ("attached_pdfs", "review")
    assert "one.pdf, two.pdf" in finding.message
    beside = {"factur-x.xml": xml_of("cii-full.xml"), "timesheet.pdf": other}
    [finding] = (await after_both_steps(pdf_with(tmp_path / "b.pdf", beside), tmp_path)).findings
    assert (finding.code, finding.weight) == ("attached_pdfs", "note")


async def test_an_xfa_form_says_that_its_data_were_not_read(tmp_path: Path) -> None:
    form = (
        b"<xdp:xdp xmlns:xdp='http://ns.adobe.com/xdp/'><template "
        b"xmlns='http://www.xfa.org/schema/xfa-template/3.3/'/></xdp:xdp>"
    )
    path = write_pdf(
        tmp_path / "a.pdf",
        [text_at(50, 780, "Please wait...").encode()],
        objects=(stream_object(form),),
        catalog_entries="/NeedsRendering true /AcroForm << /Fields [] /XFA 5 0 R >>",
    )
    assert "xfa_form" in {f.code for f in (await after_both_steps(path, tmp_path)).findings}
