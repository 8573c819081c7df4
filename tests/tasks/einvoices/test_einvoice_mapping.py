"""What CII and UBL files say, value by value, and where in the XML it stands."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from pydantic import BaseModel

from schemas.invoice import Invoice
from schemas.record_path import walk
from tasks.einvoices.read import EInvoice, NotAnInvoice, Profile, read_einvoice
from tasks.einvoices.xml_tree import parse_xml
from tasks.record_schema.fields import fields_of
from tests.support.einvoice_files import xml_of
from tests.support.shared_data import SHARED_DATA, needs_shared_data

LABELLED = sorted((SHARED_DATA / "einvoices-dev").glob("*.json")) if SHARED_DATA else []


def einvoice_of(data: bytes) -> EInvoice:
    read = read_einvoice(data)
    assert isinstance(read, EInvoice)
    return read


def in_words_of_the_labels(values: dict[str, Any]) -> dict[str, Any]:
    accounts = values.get("payment_accounts") or [{}]
    found = {
        "guideline": values.get("specification"),
        "number": values.get("number"),
        "type_code": values.get("type_code"),
        "issue_date": values.get("issue_date"),
        "due_date": values.get("due_date"),
        "currency": values.get("currency"),
        "seller_name": values["seller"].get("name"),
        "seller_tax_number": values["seller"].get("tax_number"),
        "seller_vat_id": values["seller"].get("vat_id"),
        "buyer_name": values["buyer"].get("name"),
        "net_total": values.get("net_total"),
        "tax_total": values.get("tax_total"),
        "grand_total": values.get("total"),
        "due_payable": values.get("amount_due"),
        "line_count": len(values.get("lines", [])),
        "iban": accounts[0].get("iban"),
    }
    return {name: value for name, value in found.items() if value is not None}


@needs_shared_data
@pytest.mark.parametrize("label_file", LABELLED, ids=lambda path: path.stem)
def test_every_labelled_field_of_the_real_files_is_exact(label_file: Path):
    label = json.loads(label_file.read_text())
    if label["class"] == "no-xml":
        pytest.skip("this one has no XML; the step's tests cover it")
    read = read_einvoice(label_file.with_suffix(".xml").read_bytes())
    if label["class"] == "order-xml":
        assert read == NotAnInvoice("an order (Order-X)")
        return
    assert isinstance(read, EInvoice)
    assert in_words_of_the_labels(read.values) == label["fields"]
    assert read.refused == ()


def test_the_same_invoice_in_both_syntaxes_gives_the_same_values():
    assert einvoice_of(xml_of("cii-full.xml")).values == einvoice_of(xml_of("ubl-full.xml")).values


@pytest.mark.parametrize("name", ["cii-full.xml", "ubl-full.xml"])
def test_every_term_of_the_schema_is_read(name: str):
    filled = {".".join(path.names) for path, _ in walk(einvoice_of(xml_of(name)).values)}
    wanted = set(_leaf_paths(Invoice, ""))
    parties = (
        "buyer",
        "payee",
        "tax_representative",
    )  # read by the seller's table; the file fills the seller completely
    assert {path for path in wanted - filled if not path.startswith(parties)} == NOT_IN_EN_16931


NOT_IN_EN_16931 = {  # places that share a class with others but have no such term
    "lines.allowances.tax_category",
    "lines.allowances.tax_rate",
    "lines.charges.tax_category",
    "lines.charges.tax_rate",
} | {  # optional there, and empty in these files
    "charges.base_amount",
    "charges.percentage",
    "lines.charges.base_amount",
    "lines.charges.percentage",
    "delivery.address.region",
}


def _leaf_paths(model: type[BaseModel], at: str) -> Iterator[str]:
    for field in fields_of(model):
        path = f"{at}.{field.name}" if at else field.name
        if field.model:
            yield from _leaf_paths(field.model, path)
        else:
            yield path


@pytest.mark.parametrize(
    "name",
    [
        "cii-full.xml",
        "ubl-full.xml",
        "ubl-credit-note.xml",
        "factur-x-minimum.xml",
        "factur-x-basic-wl.xml",
    ],
)
def test_every_value_stands_at_its_path_in_the_xml(name: str):
    root = parse_xml(xml_of(name))
    found = einvoice_of(xml_of(name))
    for path, value in walk(found.values):
        text = _text_at(root, found.paths[str(path)])
        assert str(value).replace("-", "") in text.replace("-", ""), str(path)


def _text_at(root: Element, path: str) -> str:
    element = root
    for step in path.split("/")[2:]:
        if step.startswith("@"):
            return str(element.get(step[1:]))
        name, _, index = step.partition("[")
        same = [child for child in element if child.tag.rpartition("}")[2] == name]
        element = same[int(index.rstrip("]")) - 1 if index else 0]
    return str(element.text)


def test_a_credit_note_is_told_by_its_type_and_keeps_positive_amounts():
    values = einvoice_of(xml_of("ubl-credit-note.xml")).values
    assert (values["type_code"], values["total"]) == ("381", "23.80")
    assert values["lines"][0]["quantity"] == "2"
    assert values["preceding_invoices"] == [{"number": "R-2026/0042", "issue_date": "2026-03-02"}]
    assert (values["due_date"], values["project_reference"]) == ("2026-04-09", "PRJ-1")
    assert "attachments" not in values


def test_amounts_keep_their_digits_and_totals_their_currency():
    values = einvoice_of(xml_of("cii-full.xml")).values
    assert (values["tax_total"], values["tax_total_in_tax_currency"]) == ("26.38", "112.50")
    assert values["tax_breakdown"][2] == {
        "category": "E",
        "rate": "0",
        "taxable_amount": "30.00",
        "tax_amount": "0.00",
        "exemption_reason": "Education",
        "exemption_reason_code": "VATEX-EU-132",
    }


@pytest.mark.parametrize(
    ("name", "profile"),
    [
        ("factur-x-minimum.xml", "MINIMUM"),
        ("factur-x-basic-wl.xml", "BASIC WL"),
        ("cii-full.xml", "full"),
    ],
)
def test_small_profiles_are_known(name: str, profile: str):
    assert einvoice_of(xml_of(name)).profile is Profile(profile)


def test_namespace_versions_do_not_matter():
    newer = (
        xml_of("cii-full.xml")
        .replace(b"CrossIndustryInvoice:100", b"CrossIndustryInvoice:200")
        .replace(b"InformationEntity:100", b"InformationEntity:9")
    )
    assert einvoice_of(newer).values == einvoice_of(xml_of("cii-full.xml")).values


def test_an_invoice_in_a_peppol_envelope_is_read():
    envelope = (
        b"<StandardBusinessDocument "
        b'xmlns="http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader"><StandardBusinessDocumentHeader/>%s</StandardBusinessDocument>'
    )
    inner = xml_of("ubl-full.xml").partition(b"?>")[2]
    assert einvoice_of(envelope % inner).values["number"] == "R-2026/0042"


@pytest.mark.parametrize(
    ("xml", "name"),
    [
        (
            b"<Order xmlns='urn:oasis:names:specification:ubl:schema:xsd:Order-2'/>",
            "an order (UBL)",
        ),
        (
            (
                b"<p:FatturaElettronica "
                b"xmlns:p='http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fatture/v1.2'/>"
            ),
            "an Italian FatturaPA invoice, a format that is not read yet",
        ),
        (
            b"<Invoice xmlns='http://www.ebinterface.at/schema/5p0/'/>",
            "an Austrian ebInterface invoice, a format that is not read yet",
        ),
        (
            b"<Faktura xmlns='http://crd.gov.pl/wzor/2025/06/25/13775/'/>",
            "a Polish KSeF invoice (FA), a format that is not read yet",
        ),
        (
            b"<Invoice xmlns='urn:sfti:documents:BasicInvoice:1:0'/>",
            "a Swedish Svefaktura invoice, a format that is not read yet",
        ),
        (b"<Invoice xmlns='urn:example'/>", "XML with the root element <Invoice>"),
        (b"<note>hello</note>", "XML with the root element <note>"),
    ],
)
def test_other_xml_is_named(xml: bytes, name: str):
    assert read_einvoice(xml) == NotAnInvoice(name)


def test_a_date_or_amount_that_is_none_is_told_and_left_out():
    broken = (
        xml_of("ubl-full.xml")
        .replace(b"2026-03-02<", b"2026-02-30<")
        .replace(b">258.38<", b">258,38<")
    )
    found = einvoice_of(broken)
    assert "issue_date" not in found.values
    assert "total" not in found.values
    assert found.refused == ("/Invoice/IssueDate", "/Invoice/LegalMonetaryTotal/TaxInclusiveAmount")
