"""E-invoices in the real command with a paid engine: what is exact costs nothing, and what a small
profile lacks is asked for."""

import shutil

from tests.support.einvoice_files import EINVOICES, pdf_with, xml_of
from tests.support.fake_mistral.process import FakeMistralProcess
from tests.support.projects import Project


def test_complete_e_invoices_send_no_request_at_all(
    online_project: Project, server: FakeMistralProcess
) -> None:
    online_project.write_flows()
    for name in (
        "zugferd-1-basic.pdf",
        "zugferd-2-extended.pdf",
        "ubl-full.xml",
        "ubl-credit-note.xml",
        "order-x-basic.xml",
    ):
        shutil.copy(EINVOICES / name, online_project.inbox)
    wide = (
        xml_of("cii-full.xml").replace(b"R-2026/0042", b"R-2026/0043").decode().encode("utf-16-le")
    )
    (online_project.inbox / "wide.xml").write_bytes(wide)
    answer = online_project.run_json("invoices", exit_code=1)
    assert server.log() == []
    assert answer["usage"]["requests"] == 0
    found = {document["path"].rpartition("/")[2]: document for document in answer["documents"]}
    assert {name: document["status"] for name, document in found.items()} == {
        "zugferd-1-basic.pdf": "done",
        "zugferd-2-extended.pdf": "done",
        "ubl-full.xml": "done",
        "ubl-credit-note.xml": "done",
        "wide.xml": "done",
        "order-x-basic.xml": "failed",
    }
    assert found["order-x-basic.xml"]["error"]["code"] == "unsupported_type"
    assert (found["ubl-full.xml"]["record"]["amount_due"], found["ubl-full.xml"]["pages"]) == (
        "158.40",
        0,
    )
    assert found["zugferd-1-basic.pdf"]["pages"] == 1


def test_a_small_profile_asks_for_the_rest_and_keeps_what_is_exact(
    online_project: Project, server: FakeMistralProcess
) -> None:
    online_project.write_flows()
    pdf_with(
        online_project.inbox / "a.pdf",
        {"factur-x.xml": xml_of("factur-x-minimum.xml")},
        text=("Invoice 471102", "Total 235.62 EUR"),
    )
    [document] = online_project.run_json("invoices")["documents"]
    assert len(server.log()) >= 2
    assert (document["record"]["number"], document["record"]["total"]) == ("471102", "235.62")
    assert {
        each["found_by"] for each in document["evidence"] if each["field"] in ("number", "total")
    } == {"einvoice"}
    assert document["record"]["seller"]["name"] == "Lieferant GmbH"


GERMAN = """\
      - einvoice
      - render
      - extract
      - summarise:
          fields:
            rechnungsnummer: string
            rechnungsdatum: date
            lieferant: string
            netto: decimal
            mwst: decimal
            gesamtbetrag: decimal
      - check
      - write
"""


def test_e_invoices_fill_german_fields_exactly_and_for_free(
    online_project: Project, server: FakeMistralProcess
) -> None:
    online_project.write_flows(GERMAN)
    cii = xml_of("cii-full.xml")
    (online_project.inbox / "xrechnung-cii.xml").write_bytes(cii)
    (online_project.inbox / "ubl.xml").write_bytes(
        xml_of("ubl-full.xml").replace(b"R-2026/0042", b"R-2026/0044")
    )
    pdf_with(
        online_project.inbox / "factur-x.pdf",
        {"factur-x.xml": cii.replace(b"R-2026/0042", b"R-2026/0043")},
        text=("Rechnung R-2026/0043", "Gesamtbetrag 258,38 EUR"),
    )
    answer = online_project.run_json("invoices")
    assert server.log() == []
    records = {
        document["path"].rpartition("/")[2]: document["record"] for document in answer["documents"]
    }
    german = {
        "rechnungsnummer": "R-2026/0042",
        "rechnungsdatum": "2026-03-02",
        "lieferant": "Nordwind Bürobedarf GmbH",
        "netto": "232.00",
        "mwst": "26.38",
        "gesamtbetrag": "258.38",
    }
    assert records["xrechnung-cii.xml"] == german
    assert records["factur-x.pdf"] == german | {"rechnungsnummer": "R-2026/0043"}
    assert records["ubl.xml"] == german | {"rechnungsnummer": "R-2026/0044"}
    for document in answer["documents"]:
        assert {each["found_by"] for each in document["evidence"]} == {"einvoice"}
        assert len(document["evidence"]) == len(german)
        assert document["status"] == "done"
