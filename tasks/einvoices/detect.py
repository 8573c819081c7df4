"""Detection of invoice XML, its syntax, or what else a file is."""

from dataclasses import dataclass
from enum import StrEnum
from xml.etree.ElementTree import Element

from tasks.einvoices.mapping import local_name


class Syntax(StrEnum):
    CII = "CII"
    UBL = "UBL"


@dataclass(frozen=True, slots=True)
class Detected:
    """What an XML file is. `syntax` is None when it is not an invoice that can be read; `name` is
    for people."""

    name: str
    syntax: Syntax | None
    invoice: Element


_UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
_SBDH = "http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader"

_INVOICES: tuple[
    tuple[str, str, str, Syntax], ...
] = (  # start of the namespace, element, name, syntax
    (
        "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:",
        "CrossIndustryInvoice",
        "Cross Industry Invoice",
        Syntax.CII,
    ),
    (
        "urn:ferd:CrossIndustryDocument:invoice:",
        "CrossIndustryDocument",
        "ZUGFeRD 1.0 invoice",
        Syntax.CII,
    ),
    (f"{_UBL}Invoice-2", "Invoice", "UBL invoice", Syntax.UBL),
    (f"{_UBL}CreditNote-2", "CreditNote", "UBL credit note", Syntax.UBL),
    (f"{_UBL}SelfBilledInvoice-2", "SelfBilledInvoice", "UBL self-billed invoice", Syntax.UBL),
    (
        f"{_UBL}SelfBilledCreditNote-2",
        "SelfBilledCreditNote",
        "UBL self-billed credit note",
        Syntax.UBL,
    ),
)

_OTHERS = {  # element -> what it is
    "SCRDMCCBDACIOMessageStructure": "an order (Order-X)",
    "SCRDMCCBDACIDAMessageStructure": "a despatch advice (Order-X family)",
    "CrossIndustryOrder": "an order (UN/CEFACT)",
    "CrossIndustryDespatchAdvice": "a despatch advice (UN/CEFACT)",
    "CrossDomainAcknowledgementAndResponse": "an invoice status message (CDAR)",
    "Order": "an order (UBL)",
    "OrderResponse": "an order response (UBL)",
    "Catalogue": "a catalogue (UBL)",
    "DespatchAdvice": "a despatch advice (UBL)",
    "ApplicationResponse": "a response message (UBL)",
    "Reminder": "a reminder (UBL)",
    "FatturaElettronica": "an Italian FatturaPA invoice, a format that is not read yet",
    "Facturae": "a Spanish Facturae invoice, a format that is not read yet",
    "FatturaElettronicaSemplificata": "an Italian FatturaPA invoice, a format that is not read yet",
    "Faktura": "a Polish KSeF invoice (FA), a format that is not read yet",
    "Finvoice": "a Finnish Finvoice invoice, a format that is not read yet",
    "INVOICE_CENTER": "a Finnish TEAPPSXML invoice, a format that is not read yet",
    "E_Invoice": "an Estonian e-invoice (EVS 923), a format that is not read yet",
    "Comprobante": "a Mexican CFDI invoice, a format that is not read yet",
    "nfeProc": "a Brazilian NF-e invoice, a format that is not read yet",
    "NFe": "a Brazilian NF-e invoice, a format that is not read yet",
    "DTE": "a Chilean DTE invoice, a format that is not read yet",
    "xmpmeta": "XMP metadata",
}
_OTHER_INVOICES = (  # part of the namespace, what it is
    ("www.ebinterface.at/", "an Austrian ebInterface invoice, a format that is not read yet"),
    ("urn:sfti:", "a Swedish Svefaktura invoice, a format that is not read yet"),
    ("urn:svefaktura:", "a Swedish Svefaktura invoice, a format that is not read yet"),
    ("crd.gov.pl/wzor/", "a Polish KSeF invoice (FA), a format that is not read yet"),
    ("/OSA/", "a Hungarian invoice (NAV Online Számla), a format that is not read yet"),
    ("rep.oio.dk/ubl/", "a Danish OIOXML invoice (UBL 0.7), a format that is not read yet"),
    ("isdoc.cz/", "a Czech ISDOC invoice, a format that is not read yet"),
)


def detect(root: Element) -> Detected:
    """Looks through a Peppol envelope (SBDH) at what is in it. Namespace versions do not matter."""
    namespace, name = _namespace(root), local_name(root)
    if namespace == _SBDH and name == "StandardBusinessDocument":
        inner = [
            detect(child) for child in root if local_name(child) != "StandardBusinessDocumentHeader"
        ]
        return next(
            (found for found in inner if found.syntax),
            inner[0] if inner else Detected("an empty envelope (SBDH)", None, root),
        )
    for start, element, label, syntax in _INVOICES:
        if name == element and namespace.startswith(start):
            return Detected(label, syntax, root)
    for part, label in _OTHER_INVOICES:
        if part in namespace:
            return Detected(label, None, root)
    return Detected(_OTHERS.get(name, f"XML with the root element <{name[:60]}>"), None, root)


def _namespace(element: Element) -> str:
    return str(element.tag).rpartition("}")[0].removeprefix("{")
