"""Which documents have labels, and when does a found value equal its label? For the accuracy bench
and the accuracy floors of the tests."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from pydantic import BaseModel, JsonValue

from schemas.invoice import Invoice
from schemas.receipt import Receipt
from schemas.record_path import walk
from tasks.einvoices.read import EInvoice, read_einvoice
from tasks.text.folding import bare

_INVOICE_PLACES = {
    "issuer": "seller.name",
    "invoice_number": "number",
    "date": "issue_date",
    "due_date": "due_date",
    "total": "total",
    "net_total": "net_total",
    "tax_total": "tax_total",
    "amount_due": "amount_due",
    "currency": "currency",
    "vat_id": "seller.vat_id",
    "iban": "payment_accounts[0].iban",
    "customer": "buyer.name",
    "order_id": "order_reference",
}
_CODED = (
    ".unit",
    "_code",
    ".category",
    ".tax_category",
    "_scheme",
    ".country",
)  # the XML has codes where paper has words


@dataclass(frozen=True, slots=True)
class Labelled:
    """A document and what is printed on it. `labels`: the name in the label file -> (place in the
    record, value)."""

    path: Path
    schema: type[BaseModel]
    labels: dict[str, tuple[str, str]]
    group: str


def receipts(folder: Path) -> Iterator[Labelled]:
    for file in sorted(folder.glob("*.json")):
        labels = {
            name: (name, value)
            for name, value in json.loads(file.read_text()).items()
            if value is not None
        }
        yield Labelled(file.with_suffix(".jpg"), Receipt, labels, "receipts")


def invoices(folder: Path) -> Iterator[Labelled]:
    for file in sorted(folder.glob("*.json")):
        described = json.loads(file.read_text())
        if described["doc_type"] != "invoice":
            continue
        labels = {
            name: (_INVOICE_PLACES[name], value)
            for name, value in described["fields"].items()
            if value is not None  # not printed on this invoice
        }
        document = next(path for path in folder.glob(f"{file.stem}.*") if path.suffix != ".json")
        yield Labelled(
            document,
            Invoice,
            labels,
            "invoices, text layer" if described.get("text_layer") else "invoices, pictures",
        )


def einvoices(folder: Path) -> Iterator[Labelled]:
    """Labels are every value of the embedded XML; not all of them are printed on the page."""
    for file in sorted(folder.glob("*.xml")):
        read = read_einvoice(file.read_bytes())
        if isinstance(read, EInvoice):
            labels = {
                str(path): (str(path), str(value))
                for path, value in walk(read.values)
                if value is not None and not str(path).endswith(_CODED)
            }
            yield Labelled(file.with_suffix(".pdf"), Invoice, labels, "e-invoices, text layer")


def equal(found: JsonValue, label: str) -> bool:
    """Equal date, equal number, or equal letters and digits: case, spaces, punctuation and accents
    do not count."""
    if found is None:
        return False
    try:
        return date.fromisoformat(str(found)) == date.fromisoformat(label)
    except ValueError:
        pass
    try:
        return Decimal(str(found)) == Decimal(label)
    except InvalidOperation:
        return bare(str(found)) == bare(label)
