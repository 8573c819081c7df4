"""Invoices that are not plain EN 16931: the CustomizationID and the profile decide the reading."""

from decimal import Decimal
from pathlib import Path

import pytest

from tasks.einvoices.mapping import as_date
from tasks.einvoices.read import EInvoice, read_einvoice
from tasks.steps.check import broken_rules
from tasks.steps.einvoice import einvoice
from tests.support.einvoice_files import draft_of, services_in, xml_of
from tests.support.shared_data import SHARED_DATA, needs_shared_data

UBL = "urn:oasis:names:specification:ubl:schema:xsd"


def tax_total(amount: str, currency: str = "USD", base: str | None = None) -> str:
    table = (
        f"<b:TaxableAmount currencyID='{currency}'>{base}</b:TaxableAmount>"
        f"<b:TaxAmount currencyID='{currency}'>{amount}</b:TaxAmount>"
        "<a:TaxCategory><b:ID>S</b:ID></a:TaxCategory>"
    )
    return (
        f"<a:TaxTotal><b:TaxAmount currencyID='{currency}'>{amount}</b:TaxAmount>"
        + (f"<a:TaxSubtotal>{table}</a:TaxSubtotal>" if base else "")
        + "</a:TaxTotal>"
    )


def ubl(
    taxes: str,
    *,
    rules: str = "urn:peppol:pint:billing-1@jp-1",
    net: str = "1000.00",
    total: str = "1100.00",
    due: str | None = None,
    more: str = "",
) -> bytes:
    return f"""<Invoice xmlns="{UBL}:Invoice-2" xmlns:a="{UBL}:CommonAggregateComponents-2"
  xmlns:b="{UBL}:CommonBasicComponents-2"><b:CustomizationID>{rules}</b:CustomizationID>
  <b:ID>X-1</b:ID><b:IssueDate>2024-03-25</b:IssueDate>
  <b:InvoiceTypeCode>380</b:InvoiceTypeCode>
  <b:DocumentCurrencyCode>USD</b:DocumentCurrencyCode><b:TaxCurrencyCode>JPY</b:TaxCurrencyCode>
  <a:AccountingSupplierParty><a:Party><a:PartyTaxScheme><b:CompanyID>DK16356706</b:CompanyID>
  <a:TaxScheme><b:ID>63</b:ID></a:TaxScheme></a:PartyTaxScheme></a:Party>
  </a:AccountingSupplierParty>{more}{taxes}<a:LegalMonetaryTotal>
  <b:LineExtensionAmount>1000.00</b:LineExtensionAmount>
  <b:TaxExclusiveAmount>{net}</b:TaxExclusiveAmount>
  <b:TaxInclusiveAmount>{total}</b:TaxInclusiveAmount>
  <b:PayableAmount>{due or total}</b:PayableAmount></a:LegalMonetaryTotal></Invoice>""".encode()


def read(data: bytes) -> EInvoice:
    found = read_einvoice(data)
    assert isinstance(found, EInvoice)
    return found


async def codes_of(path: Path, tmp_path: Path) -> set[str]:
    async with services_in(tmp_path) as services:
        draft = await einvoice(draft_of(path), None, services)
        return {finding.code for finding in (*draft.findings, *broken_rules(draft, services))}


def test_the_table_in_the_tax_currency_is_not_one_of_the_invoice() -> None:
    found = read(ubl(tax_total("15000", "JPY", "150000") + tax_total("100.00", "USD", "1000.00")))
    assert found.values["tax_total"] == "100.00"
    assert found.values["tax_total_in_tax_currency"] == "15000"
    [row] = found.values["tax_breakdown"]
    assert row["taxable_amount"] == "1000.00"
    assert found.paths["tax_breakdown[0].tax_amount"].startswith("/Invoice/TaxTotal[2]/")


def test_a_tax_total_that_is_written_twice_is_read_once() -> None:
    twice = tax_total("100.00") + 2 * tax_total("100.00", "USD", "1000.00")
    found = read(ubl(twice, rules="reporting:1.0"))
    assert found.values["tax_total"] == "100.00"
    assert len(found.values["tax_breakdown"]) == 1
    assert found.unclear == ()


def test_tax_totals_of_different_taxes_are_added_up_where_that_leads_to_the_total() -> None:
    two = tax_total("50.00") + tax_total("99.75")
    assert read(ubl(two, total="1149.75")).values["tax_total"] == "149.75"
    assert read(ubl(two, total="1050.00")).values["tax_total"] == "50.00"
    [why] = read(ubl(two, total="1200.00")).unclear
    assert "50.00, 99.75" in why


def test_the_net_of_oioubl_is_not_its_tax_exclusive_amount() -> None:
    found = read(ubl(tax_total("100.00"), rules="OIOUBL-2.01", net="100.00"))
    assert Decimal(str(found.values["net_total"])) == 1000
    assert found.paths["net_total"].endswith("/LineExtensionAmount")
    assert found.values["seller"] == {"vat_id": "DK16356706"}
    plain = read(ubl(tax_total("100.00"), rules="OIOUBL-2.1"))
    assert plain.values["net_total"] == "1000.00"


def test_rules_that_are_not_known_are_named() -> None:
    assert read(ubl(tax_total("100.00"), rules="TR1.2")).dialect == "TR1.2"
    assert read(ubl(tax_total("100.00"))).dialect is None


def test_what_is_collected_for_others_explains_the_amount_due() -> None:
    for_others = "<a:PrepaidPayment><b:PaidAmount>29.96</b:PaidAmount></a:PrepaidPayment>"
    explained = read(ubl(tax_total("100.00"), due="1129.96", more=for_others))
    assert "29.96" in str(explained.due_explained)
    assert read(ubl(tax_total("100.00"), due="1129.97", more=for_others)).due_explained is None


async def test_a_deposit_in_minimum_breaks_no_rule(tmp_path: Path) -> None:
    changed = xml_of("factur-x-minimum.xml").replace(
        b"235.62</ram:DuePayableAmount>", b"135.62</ram:DuePayableAmount>"
    )
    assert changed != xml_of("factur-x-minimum.xml")
    (tmp_path / "minimum.xml").write_bytes(changed)
    codes = await codes_of(tmp_path / "minimum.xml", tmp_path)
    assert "einvoice_amount_due" in codes
    assert "amount_due_disagrees" not in codes


def test_groups_and_informations_are_not_lines() -> None:
    full = xml_of("cii-full.xml")
    lines = len(read(full).values["lines"])
    assert lines >= 1
    for status, left in (("GROUP", 1), ("INFORMATION", 1), ("DETAIL", 0)):
        marked = full.replace(
            b"</ram:LineID>",
            f"</ram:LineID><ram:LineStatusReasonCode>{status}</ram:LineStatusReasonCode>".encode(),
            1,
        )
        assert len(read(marked).values.get("lines", [])) == lines - left


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("20240305", "2024-03-05"),  # 102
        ("202403050930", "2024-03-05"),  # 203
        ("20240305093015", "2024-03-05"),  # 204
        ("202403050930+01", "2024-03-05"),  # 205
        ("202403050930001", "2024-03-05"),  # 205, the zone as three digits
        ("2024-03-05T09:30:00Z", "2024-03-05"),
        ("202403", None),  # 610
        ("202403052575", None),
        ("202413050930", None),
        ("2024030509", None),
    ],
)
def test_date_formats(text: str, day: str | None) -> None:
    assert as_date(text) == day


@needs_shared_data
@pytest.mark.parametrize(
    ("case", "code"),
    [
        ("25-pint-two-tax-totals/pint-usd-jpy.xml", "tax_table_disagrees"),
        ("26-zatca-same-currency-twice/zatca.xml", "tax_table_disagrees"),
        ("29-cii-date-formats/date-203.xml", "value_missing"),
        ("30-minimum-with-deposit/minimum.xml", "amount_due_disagrees"),
        ("31-oioubl/oioubl-invoice.xml", "net_total_disagrees"),
        ("33-third-party-payment/xr-05.01a-INVOICE_ubl.xml", "amount_due_disagrees"),
    ],
)
async def test_reported_files_break_no_rule(case: str, code: str, tmp_path: Path) -> None:
    codes = await codes_of(SHARED_DATA / "cases" / case, tmp_path)
    assert code not in codes
    assert codes <= {"einvoice_amount_due", "vat_id_checksum"}
