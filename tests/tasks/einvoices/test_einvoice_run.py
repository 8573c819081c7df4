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
