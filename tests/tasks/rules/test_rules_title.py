"""The title of the first page and the type code of an e-invoice have to agree."""

from pathlib import Path

import pytest

from schemas.flow import CheckSettings
from tasks.steps.check import check
from tasks.steps.einvoice import einvoice
from tests.support.einvoice_files import draft_of, paged, pdf_with, services_in, xml_of


@pytest.mark.parametrize(
    ("title", "code", "disagrees"),
    [
        ("CREDIT NOTE", b"380", True),
        ("CREDIT NOTE", b"381", False),
        ("GUTSCHRIFT", b"389", False),
        ("INVOICE", b"380", False),
    ],
)
async def test_a_credit_note_on_the_page_is_one_in_the_xml(
    title: str, code: bytes, disagrees: bool, tmp_path: Path
) -> None:
    full = xml_of("cii-full.xml")
    xml = full.replace(b"<ram:TypeCode>380<", b"<ram:TypeCode>" + code + b"<")
    assert (xml == full) == (code == b"380")
    path = pdf_with(tmp_path / "a.pdf", {"factur-x.xml": xml}, text=(title, "R-2026/0042"))
    async with services_in(tmp_path) as services:
        draft = await paged(await einvoice(draft_of(path), None, services), services)
        codes = {
            finding.code for finding in (await check(draft, CheckSettings(), services)).findings
        }
    assert ("title_disagrees" in codes) == disagrees
