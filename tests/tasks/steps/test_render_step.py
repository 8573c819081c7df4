"""The step `render`: which pages are worked on, and that nothing is left out in silence."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
import pytest_asyncio
from pydantic import ValidationError

from schemas.errors import CallError, LimitError, UnreadableError, UnsupportedTypeError
from schemas.flow import RenderSettingsSpec
from schemas.flow.page_selection import parse_page_selection
from schemas.record import Draft
from tasks.documents.identify import identify
from tasks.documents.passwords import passwords_of
from tasks.documents.reader import DocumentReader
from tasks.services import Services
from tasks.steps.render import render
from tests.support.documents import make_pdf


@dataclass
class OnlyAReader:
    """What `render` uses of Services."""

    reader: DocumentReader


@pytest_asyncio.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with DocumentReader(
        RenderSettingsSpec(page_limit=20), store_url=str(tmp_path / "store"), workers=1
    ) as reader:
        yield cast("Services", OnlyAReader(reader))


def ten_pages(folder: Path) -> Draft:
    return Draft(document=identify(make_pdf(10, folder / "ten.pdf")))


def numbers(draft: Draft) -> list[int]:
    return [page.page_number for page in draft.pages]


async def test_all_pages_are_taken_in_order_and_nothing_is_found(
    tmp_path: Path, services: Services
) -> None:
    draft = await render(ten_pages(tmp_path), RenderSettingsSpec(), services)
    assert numbers(draft) == list(range(1, 11))
    assert draft.page_count == 10
    assert draft.findings == ()
    assert {page.document_id for page in draft.pages} == {draft.document.document_id}


async def test_pages_left_out_as_asked_are_noted(tmp_path: Path, services: Services) -> None:
    draft = await render(ten_pages(tmp_path), RenderSettingsSpec(pages="1-3,last"), services)
    assert numbers(draft) == [1, 2, 3, 10]
    assert draft.page_count == 10
    assert [(finding.code, finding.weight) for finding in draft.findings] == [
        ("pages_left_out", "note")
    ]
    assert "pages 4-9" in draft.findings[0].message


async def test_pages_cut_off_by_a_limit_need_a_review(tmp_path: Path, services: Services) -> None:
    draft = await render(ten_pages(tmp_path), RenderSettingsSpec(pages="2-", max_pages=4), services)
    assert numbers(draft) == [2, 3, 4, 5]
    assert [(finding.code, finding.weight) for finding in draft.findings] == [
        ("pages_left_out", "note"),
        ("pages_left_out", "review"),
    ]
    assert "page 1" in draft.findings[0].message
    assert "pages 6-10" in draft.findings[1].message


async def test_a_selection_without_a_page_is_an_error_that_says_so(
    tmp_path: Path, services: Services
) -> None:
    with pytest.raises(LimitError, match=r'`render.pages: "11-20"` selects none of the 10 pages'):
        await render(ten_pages(tmp_path), RenderSettingsSpec(pages="11-20"), services)


async def test_a_document_with_too_many_pages_is_refused_as_a_whole(
    tmp_path: Path, services: Services
) -> None:
    with pytest.raises(LimitError, match=r"21 pages; more than 20 .*page_limit"):
        await render(
            Draft(document=identify(make_pdf(21, tmp_path / "long.pdf"))),
            RenderSettingsSpec(),
            services,
        )


async def test_what_cannot_be_opened_is_an_error_of_the_document(
    tmp_path: Path, services: Services
) -> None:
    (tmp_path / "cut.pdf").write_bytes(make_pdf(3, tmp_path / "whole.pdf").read_bytes()[:900])
    with pytest.raises(UnreadableError):
        await render(Draft(document=identify(tmp_path / "cut.pdf")), RenderSettingsSpec(), services)


async def test_xml_passes_only_when_a_step_before_read_it(
    tmp_path: Path, services: Services
) -> None:
    (tmp_path / "a.xml").write_bytes(b'<?xml version="1.0"?><Invoice/>')
    unread = Draft(document=identify(tmp_path / "a.xml"))
    with pytest.raises(UnsupportedTypeError, match="only the step `einvoice` reads XML"):
        await render(unread, RenderSettingsSpec(), services)
    read = await render(
        unread.model_copy(update={"record": {"number": "1"}}), RenderSettingsSpec(), services
    )
    assert (read.pages, read.page_count) == ((), 0)


@pytest.mark.parametrize(
    ("text", "of_five"),
    [
        ("1", [1]),
        ("last", [5]),
        ("1-3,last", [1, 2, 3, 5]),
        ("4-", [4, 5]),
        (" 2 - 3 , 3", [2, 3]),
        ("2-LAST", [2, 3, 4, 5]),
        ("9", []),
        ("5-9", [5]),
    ],
)
def test_page_selections(text: str, of_five: list[int]) -> None:
    assert list(parse_page_selection(text).numbers(5)) == of_five


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "found ''"),
        ("1,,2", "found ''"),
        ("0", "from 1"),
        ("3-1", "backwards"),
        ("last-2", "backwards"),
        ("a", "found 'a'"),
    ],
)
def test_a_wrong_selection_is_refused_when_the_flow_is_loaded(text: str, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        RenderSettingsSpec.model_validate({"pages": text})


def test_one_page_may_be_written_as_a_number() -> None:
    assert RenderSettingsSpec.model_validate({"pages": 2}).pages == "2"


def test_passwords_come_from_the_environment_and_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PDF_PASSWORDS", "first\nboth\n")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "passwords.txt").write_bytes(
        "\ufeffboth\r\nwith space \r\n\r\nünï\r\n".encode()
    )
    settings = RenderSettingsSpec(
        passwords_env="PDF_PASSWORDS", passwords_file="secret/passwords.txt"
    )
    assert passwords_of(settings, tmp_path) == ("first", "both", "with space ", "ünï")
    assert passwords_of(RenderSettingsSpec(passwords_env="NOT_SET"), tmp_path) == ()
    with pytest.raises(CallError, match=r"missing.txt: render.passwords_file cannot be read"):
        passwords_of(RenderSettingsSpec(passwords_file="missing.txt"), tmp_path)
