"""The check step on real drafts: what makes a document `needs_review`, and what is only told."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pydantic import AliasChoices, AliasPath, BaseModel, Field, field_validator, model_validator

from schemas.errors import StepError
from schemas.flow import CheckSettings, EinvoiceSettings
from schemas.record import Draft, Evidence, Finding
from tasks.rules.schema_rules import schema_findings
from tasks.services import Services
from tasks.steps.check import check
from tasks.steps.einvoice import einvoice
from tests.support.einvoice_files import (
    EINVOICES,
    draft_of,
    paged,
    pdf_with,
    services_in,
    with_schema,
    xml_of,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def services(tmp_path_factory: pytest.TempPathFactory):
    async with services_in(tmp_path_factory.mktemp("services")) as opened:
        yield opened


@pytest.fixture
def draft(tmp_path: Path) -> Draft:
    return draft_of(pdf_with(tmp_path / "a.pdf", {}, text=(tmp_path.name,)))


GOOD: dict[str, Any] = {
    "number": "A-1",
    "issue_date": "2026-03-01",
    "seller": {"name": "Acme"},
    "total": "10.00",
    "due_date": None,
    "lines": [],
}


async def found(
    draft: Draft, record: dict[str, Any] | None, services: Services, **settings: Any
) -> list[Finding]:
    return list(
        (
            await check(
                draft.model_copy(update={"record": record}), CheckSettings(**settings), services
            )
        ).findings
    )


def told(findings: list[Finding]) -> list[tuple[str, tuple[str, ...], str]]:
    return [(finding.code, finding.fields, finding.weight) for finding in findings]


async def test_a_good_record_has_no_findings(services: Services, draft: Draft):
    assert await found(draft, GOOD, services) == []


async def test_each_missing_required_value_is_for_review(services: Services, draft: Draft):
    record = {**GOOD, "number": None, "seller": {"name": None, "vat_id": "DE136695976"}}
    assert told(await found(draft, record, services)) == [
        ("value_missing", ("number",), "review"),
        ("value_missing", ("seller.name",), "review"),
    ]


@pytest.mark.parametrize(
    "record", [None, {}, {"number": None, "seller": {"name": None}, "lines": []}]
)
async def test_nothing_found_is_one_finding(
    services: Services, draft: Draft, record: dict[str, Any] | None
):
    findings = await found(draft, record, services)
    assert told(findings) == [
        ("nothing_found", ("number", "issue_date", "seller", "total"), "review")
    ]


async def test_a_value_that_is_refused_is_told_with_its_place(services: Services, draft: Draft):
    record = {**GOOD, "issue_date": "soon", "lines": [{"quantity": "1"}, {"quantity": "many"}]}
    assert told(await found(draft, record, services)) == [
        ("value_invalid", ("issue_date",), "review"),
        ("value_invalid", ("lines[1].quantity",), "review"),
    ]


async def test_the_users_own_validators_count(services: Services, draft: Draft):
    class Own(BaseModel):
        total: Decimal
        cost_centre: str | int | None = None

        @field_validator("total")
        @classmethod
        def _not_huge(cls, value: Decimal) -> Decimal:
            if value > 1000:
                raise ValueError("invoices over 1000 need a person")
            return value

        @model_validator(mode="after")
        def _has_cost_centre(self) -> "Own":
            if self.cost_centre is None:
                raise ValueError("no cost centre")
            return self

    own = with_schema(services, Own)
    assert told(await found(draft, {"total": "2000", "cost_centre": None}, own)) == [
        ("value_invalid", ("total",), "review")
    ]
    findings = await found(draft, {"total": "20", "cost_centre": None}, own)
    assert told(findings) == [("value_invalid", (), "review")]
    assert "no cost centre" in findings[0].message
    assert told(await found(draft, {"total": "20", "cost_centre": {"a": 1}}, own)) == [
        ("value_invalid", ("cost_centre",), "review")
    ]


async def test_rules_speak_up(services: Services, draft: Draft):
    record = {
        **GOOD,
        "net_total": "5.00",
        "tax_total": "1.00",
        "due_date": "2026-02-01",
        "payment_accounts": [{"iban": "DE00"}],
    }
    assert [code for code, _, _ in told(await found(draft, record, services))] == [
        "total_disagrees",
        "due_before_issue",
        "iban_invalid",
    ]


async def test_a_flow_without_schema_has_nothing_to_check(services: Services, draft: Draft):
    assert await check(draft, CheckSettings(), with_schema(services, None)) == draft


async def test_low_confidence_and_an_amount_found_nowhere_are_for_review(
    services: Services, draft: Draft
):
    sure = Evidence(field="number", found_by="text_layer", confidence=0.95)
    unsure = Evidence(field="total", found_by="ungrounded", confidence=0.4)
    weighed = draft.model_copy(update={"evidence": (sure, unsure)})
    assert told(await found(weighed, GOOD, services)) == [
        ("low_confidence", ("total",), "review"),
        ("ungrounded", ("total",), "review"),
    ]
    assert told(await found(weighed, GOOD, services, review_below=0)) == [
        ("ungrounded", ("total",), "review")
    ]


async def test_low_confidence_of_a_value_that_is_not_required_is_only_told(
    services: Services, draft: Draft
):
    seller = Evidence(field="seller.name", found_by="text_layer", confidence=0.5)
    due = Evidence(field="due_date", found_by="text_layer", confidence=0.4)
    weighed = draft.model_copy(update={"evidence": (seller, due)})
    assert told(await found(weighed, GOOD, services, review_below=0.8)) == [
        ("low_confidence", ("seller.name",), "review"),
        ("low_confidence", ("due_date",), "note"),
    ]


async def test_low_confidence_of_a_required_value_is_for_review_whatever_its_alias(
    services: Services, draft: Draft
):
    class Own(BaseModel):
        total: Decimal = Field(validation_alias="Total")
        tax: Decimal = Field(validation_alias=AliasChoices("Tax", "VAT"))
        net: Decimal = Field(alias="Net")
        due: Decimal = Field(validation_alias=AliasPath("payment", "due"))
        other: str | None = Field(None, validation_alias="Other")

    record = {"Total": "12.00", "Tax": "2.00", "Net": "10.00", "due": "12.00", "Other": "x"}
    evidence = tuple(
        Evidence(field=field, found_by="text_layer", confidence=0.5) for field in record
    )
    weighed = draft.model_copy(update={"evidence": evidence})
    own = with_schema(services, Own)
    assert told(await found(weighed, record, own, review_below=0.8)) == [
        ("low_confidence", ("Total", "Tax", "Net", "due"), "review"),
        ("low_confidence", ("Other",), "note"),
    ]


async def test_an_e_invoice_that_the_page_shows_passes(services: Services):
    draft = await einvoice(
        draft_of(EINVOICES / "zugferd-2-extended.pdf"), EinvoiceSettings(), services
    )
    assert (
        told(list((await check(await paged(draft, services), CheckSettings(), services)).findings))
        == []
    )


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        (("Invoice R 2026 / 0042", "Total 258,38 EUR"), []),
        (("Invoice R-2026/0042", "Total 1.258,38 EUR"), ["total"]),
        (("Invoice R-2026/00421", "Total EUR 258.38"), ["number"]),
        (("Something else",), ["number", "total"]),
    ],
)
async def test_a_page_that_says_something_else_than_the_xml_is_for_review(
    services: Services, tmp_path: Path, text: tuple[str, ...], fields: list[str]
):
    path = pdf_with(
        tmp_path / "a.pdf",
        {"factur-x.xml": xml_of("cii-full.xml") + str(text).encode().join((b"<!--", b"-->"))},
        text=text,
    )
    draft = await paged(await einvoice(draft_of(path), EinvoiceSettings(), services), services)
    findings = [
        finding
        for finding in (await check(draft, CheckSettings(), services)).findings
        if finding.code == "page_differs"
    ]
    assert [finding.fields for finding in findings] == [(field,) for field in fields]


async def test_a_page_without_text_cannot_differ(services: Services, tmp_path: Path):
    path = pdf_with(tmp_path / "a.pdf", {"factur-x.xml": xml_of("cii-full.xml")}, text=())
    draft = await paged(await einvoice(draft_of(path), EinvoiceSettings(), services), services)
    codes = [finding.code for finding in (await check(draft, CheckSettings(), services)).findings]
    assert "page_differs" not in codes


async def claimed(path: Path, services: Services) -> Draft:
    draft = draft_of(path)
    await services.ledger.claim(
        "invoices", draft.document, "hash", "run", again=True, document_attempts=3
    )
    return draft


async def test_the_second_file_with_the_same_invoice_is_the_duplicate(
    services: Services, tmp_path: Path
):
    record = {**GOOD, "number": "D-77"}
    first = await claimed(pdf_with(tmp_path / "first.pdf", {}, text=("one",)), services)
    second = await claimed(pdf_with(tmp_path / "second.pdf", {}, text=("two",)), services)
    assert await found(first, record, services) == []
    again = await found(second, {**record, "number": "d 77", "seller": {"name": "ACME"}}, services)
    assert told(again) == [("duplicate", ("number",), "review")]
    assert "first.pdf" in again[0].message
    assert await found(first, record, services) == []
    assert await found(second, {**record, "issue_date": "2025-03-01"}, services) == []
    assert await found(second, {**record, "number": "D-78"}, services) == []


async def test_of_two_copies_checked_at_once_one_is_the_duplicate(
    services: Services, tmp_path: Path
):
    record = {**GOOD, "number": "T-1"}
    drafts = [
        await claimed(pdf_with(tmp_path / f"{name}.pdf", {}, text=(name,)), services)
        for name in ("x", "y")
    ]
    results = await asyncio.gather(*(found(each, record, services) for each in drafts))
    assert sorted(len(findings) for findings in results) == [0, 1]


async def test_a_validator_that_breaks_is_told_by_type_and_line_without_its_words():
    class Broken(BaseModel):
        number: str

        @field_validator("number")
        @classmethod
        def breaks(cls, value: str) -> str:
            raise KeyError(value)

    with pytest.raises(
        StepError,
        match=r"the schema Broken raised KeyError at test_check.py:\d+; a validator refuses",
    ) as caught:
        list(schema_findings({"number": "INV-7"}, Broken))
    assert "INV-7" not in str(caught.value)
