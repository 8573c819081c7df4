"""Labels printed beside values, by concept.

In English, French, German, Dutch, Spanish, Italian.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from tasks.text.folding import lookalike, tokens


class Concept(StrEnum):
    """What a value means, whatever a schema calls it."""

    ISSUE_DATE = "issue_date"
    DUE_DATE = "due_date"
    ORDER_DATE = "order_date"
    DELIVERY_DATE = "delivery_date"
    PERIOD_START = "period_start"
    PERIOD_END = "period_end"
    OTHER_DATE = "other_date"
    TOTAL = "total"
    NET_TOTAL = "net_total"
    SUBTOTAL = "subtotal"
    TAX_TOTAL = "tax_total"
    AMOUNT_DUE = "amount_due"
    PAID = "paid"
    CHANGE = "change"
    ROUNDING = "rounding"
    DISCOUNT = "discount"
    CHARGE = "charge"
    NUMBER = "number"
    ORDER_NUMBER = "order_number"
    CUSTOMER_NUMBER = "customer_number"
    CONTRACT_NUMBER = "contract_number"
    DELIVERY_NUMBER = "delivery_number"
    PROJECT_NUMBER = "project_number"
    PAYMENT_REFERENCE = "payment_reference"
    TAX_NUMBER = "tax_number"
    REGISTRATION_NUMBER = "registration_number"
    VAT_ID = "vat_id"
    IBAN = "iban"
    BIC = "bic"
    ACCOUNT_NUMBER = "account_number"
    CURRENCY = "currency"
    SELLER_NAME = "seller_name"
    BUYER_NAME = "buyer_name"
    DELIVERY_NAME = "delivery_name"
    SELLER_ADDRESS = "seller_address"
    BUYER_ADDRESS = "buyer_address"
    DELIVERY_ADDRESS = "delivery_address"
    PAYMENT_TERMS = "payment_terms"
    PAYMENT_METHOD = "payment_method"
    PHONE = "phone"
    FAX = "fax"
    EMAIL = "email"
    URL = "url"
    BANK = "bank"
    CONTACT = "contact"
    TIME = "time"
    QUANTITY = "quantity"
    UNKNOWN = "unknown"


# Phrases by language: en | fr | de | nl | es | it. Accents and punctuation do not matter ("n"
# stands for "n°", "no" for "No.").
LABELS: Mapping[Concept, str] = {
    Concept.ISSUE_DATE: "date|invoice date|date of invoice|bill date|billing date|issue " "date|date " "of " "issue|issued|issued on|dated|receipt date|tax date|inv date|invdate|"
    "bill dt|bizdate|biz date|transaction date|trans date|sales date|doc date|document " "date|statement date|date time|tax invoice date|dt|invoice dt|"
    "date de facture|date facture|date de la facture|date d emission|date de " "facturation|emise le|facture du|du|le|en date du|"
    "datum|rechnungsdatum|belegdatum|ausstellungsdatum|rechnung vom|vom|den|erstellt " "am|factuurdatum|"
    "fecha|fecha de factura|fecha factura|fecha de emision|fecha de expedicion|fecha " "emision|data|data fattura|data documento|data emissione|data di emissione|del|data doc",
    Concept.DUE_DATE: "due|due date|date due|payment due|due on|due by|payable " "by|payable " "before|pay by|pay " "before|payment date|payment due date|payment deadline|amount due on|"
    "total amount due on|total due on|please pay by|"
    "echeance|date d echeance|date limite de paiement|date limite|a payer avant|payable " "le|a regler avant|date de paiement|prelevement a partir du|reglement le|"
    "faellig|fallig|faellig am|fallig " "am|faelligkeit|falligkeit|faelligkeitsdatum|falligkeitsdatum|zahlbar bis|zahlbar bis " "zum|zahlungsziel|bis zum|ueberweisen sie bis zum|bis spatestens|"
    "vervaldatum|vervaldag|te betalen voor|uiterlijk|betalen voor|uiterste betaaldatum|"
    "vencimiento|fecha de vencimiento|fecha vencimiento|vence|vence el|scadenza|data " "scadenza|data di scadenza|scad|da pagare entro|entro il",
    Concept.ORDER_DATE: "order date|date of order|po date|ordered on|date " "de " "commande|commande " "du|bestelldatum|auftragsdatum|bestellung vom|auftrag vom|orderdatum|besteldatum|"
    "fecha de pedido|fecha pedido|data ordine|data dell ordine",
    Concept.DELIVERY_DATE: "delivery date|date of delivery|ship " "date|shipping " "date|shipped|shipped on|date of " "supply|supply date|service date|delivered on|date de livraison|livraison|livre le|"
    "date de prestation|lieferdatum|leistungsdatum|liefer und " "leistungsdatum|liefertermin|lieferung " "am|lieferscheindatum|leverdatum|leveringsdatum|leverdag|"
    "fecha de entrega|fecha de envio|data di consegna|data consegna|data trasporto",
    Concept.PERIOD_START: "period|period from|from|start date|start|begin|billing " "period|service " "period|period " "start|flight start|flight from|period start date|"
    "periode du|periode|debut|a partir " "du|leistungszeitraum|zeitraum|von|ab|beginn|abrechnungszeitraum|van|vanaf|periode " "van|periodo|desde|inicio|dal|periodo dal",
    Concept.PERIOD_END: "period to|until|through|end date|end|period end|flight " "end|flight " "to|thru|au|jusqu " "au|fin|bis|ende|tot|tot en met|t m|hasta|fin de periodo|fino al|al",
    Concept.OTHER_DATE: "print date|printed|printed on|gen date|expiry|expiry " "date|exp " "date|expires|valid " "until|birth date|date of birth|check in|check out|arrival|departure|issued by|period " "of|"
    "imprime le|date d impression|valable jusqu au|gedruckt|druckdatum|gueltig bis|gultig " "bis|afdrukdatum|geldig tot|impreso|valido hasta|stampato|valido fino|approved " "on|posted|effective",
    Concept.NUMBER: "invoice number|invoice no|invoice num|invoice|invoice id|invoice " "nr|inv " "no|inv " "number|inv|tax invoice no|tax invoice number|tax invoice|bill no|bill " "number|bill|receipt no|receipt number|"
    "receipt|rcpt no|rcpt|doc no|document no|document number|docket no|slip no|slip|check " "no|credit note|credit note no|statement number|cash bill no|cash sales no|cs no|trans " "no|transaction no|trans|transaction number|transaction id|ref no|reference no|"
    "number|no|"
    "facture n|facture no|numero de facture|n de facture|n facture|facture|facture " "numero|no facture|numero facture|avoir n|ticket n|ticket|numero|n|"
    "rechnung nr|rechnungsnummer|rechnungs nr|rechnungsnr|rechnung|rechnung " "no|handelsrechnung|belegnummer|beleg nr|belegnr|gutschrift nr|bon nr|re nr|rg " "nr|rechn nr|nr|nummer|"
    "factuurnummer|factuur nr|factuurnr|factuur|bonnummer|bon|fact nr|"
    "factura|factura n|factura no|numero de factura|n de factura|n factura|num " "factura|factura num|recibo|fattura|fattura n|numero fattura|n fattura|fattura " "nr|numero documento|ricevuta|documento n",
    Concept.ORDER_NUMBER: "order|order no|order number|order id|order nr|po|po number|po no|p " "o " "number|p o " "no|purchase order|purchase order no|purchase order number|your order|your order " "no|customer po|sales order|sales order no|so no|"
    "commande|commande n|numero de commande|n de commande|n commande|votre " "commande|bestellnummer|bestell nr|bestellung|bestellung nr|auftragsnummer|auftrags " "nr|auftrag|auftrag nr|ihre bestellung|"
    "ordernummer|bestelnummer|bestelling|order nummer|uw bestelling|pedido|pedido n|numero " "de pedido|n pedido|su pedido|ordine|ordine n|numero ordine|n ordine|vostro ordine",
    Concept.CUSTOMER_NUMBER: "customer id|customer no|customer number|customer " "nr|client " "id|client no|client " "number|account no|account number|acct no|customer account|member no|id client|n " "client|numero client|"
    "numero de client|code client|ref client|kundennummer|kunden nr|kundennr|kd " "nr|klantnummer|klant nr|klantnr|debiteurnummer|debiteurennummer|relatienummer|"
    "n cliente|numero de cliente|cod cliente|codigo cliente|codice cliente|ihre " "nummer|ihre kundennummer",
    Concept.CONTRACT_NUMBER: "contract|contract no|contract number|contract " "num|contract " "id|agreement " "no|contrat|contrat n|numero de contrat|n contrat|vertrag|vertragsnummer|vertrags " "nr|contractnummer|contract nr|"
    "contrato|numero de contrato|contratto|numero contratto",
    Concept.DELIVERY_NUMBER: "delivery note|delivery note no|delivery no|do no|d o " "no|packing " "slip|dispatch no|bon " "de livraison|bl n|lieferschein|lieferschein nr|lieferscheinnummer|pakbon|pakbonnummer|"
    "albaran|albaran n|ddt|ddt n|bolla",
    Concept.PROJECT_NUMBER: "project|project no|project " "number|job " "no|job " "number|projet|projekt|projektnummer|projectnummer|proyecto|progetto",
    Concept.PAYMENT_REFERENCE: "payment reference|payment " "ref|reference|remittance " "reference|ref|reference de " "paiement|reference|verwendungszweck|zahlungsreferenz|referenz|betalingskenmerk|kenmerk|"
    "referencia|referencia de pago|riferimento|causale",
    Concept.TAX_NUMBER: "tax id|tax number|tax no|tin|ein|gst id|gst id no|gst no|gst reg " "no|gst " "registration " "no|gst reg|gst number|gstin|gst registration number|gst|sst no|sst id|sst reg " "no|abn|fein|federal tax id|pan|service tax|vat tin|"
    "steuernummer|steuer nr|st nr|stnr|numero fiscal|nif|cif|codigo fiscal|codice " "fiscale|c f|btw nr|rfc|service tax no|service tax reg no",
    Concept.REGISTRATION_NUMBER: "company no|company number|company reg no|co reg no|co " "no|reg " "no|registration " "no|registration number|company registration number|roc no|roc|crn|cin|co reg|business " "reg no|siret|siren|rcs|"
    "n siret|handelsregister|handelsregisternummer|hrb|hra|hr b|amtsgericht|kvk|kvk " "nummer|kvk nr|registro mercantil|rea|registro imprese|business number",
    Concept.VAT_ID: "vat|vat no|vat id|vat number|vat reg no|vat registration " "number|vat " "registration " "no|vat reg|vat tin|vat code|tva|n tva|n de tva|numero de tva|tva intracommunautaire|n " "tva intracommunautaire|tva intra communautaire|"
    "n de tva intra communautaire|id tva|numero tva|ust id|ust id nr|ust " "idnr|ustid|ustidnr|umsatzsteuer id|umsatzsteuer identifikationsnummer|ust ident " "nr|uid|uid nr|mwst nr|btw|btw nummer|btw nr|btw id|btw identificatienummer|"
    "nif iva|n iva|cif nif|nif cif|partita iva|p iva|piva|p i|vat nr",
    Concept.IBAN: "iban|iban no|iban nr|iban code|rekeningnummer|bankrekening|compte bancaire",
    Concept.BIC: "bic|swift|bic swift|swift code|bic code|swift bic|code bic|swift " "address|codigo " "swift",
    Concept.ACCOUNT_NUMBER: "bank account|account|bank account no|a c no|acc no|bank acc " "no|bank " "a " "c|kontonummer|konto nr|konto|numero de compte|n compte|compte|cuenta|numero de " "cuenta|conto corrente|c c",
    Concept.CURRENCY: "currency|devise|monnaie|waehrung|wahrung|valuta|munt|moneda|divisa|valuta",
    Concept.SELLER_NAME: "seller|vendor|supplier|sold by|from|billed " "by|issued " "by|service " "provider|merchant|company name|company|shop|store|provider|remit to|payee|pay to|bill " "from|name of supplier|supplier name|vendor name|payable to|"
    "vendeur|fournisseur|emetteur|prestataire|societe|verkaeufer|verkaufer|lieferant|rechnungssteller|rechnungsersteller|firma|verkoper|leverancier|afzender|van|vendedor|proveedor|emisor|empresa|venditore|fornitore|cedente|cedente " "prestatore|mittente",
    Concept.BUYER_NAME: "buyer|customer|client|bill to|billed to|invoice " "to|sold " "to|to|attn|customer " "name|client name|bill to address|billing address|billing to|name|nom|name of " "customer|customer info|recipient|guest|guest name|messrs|m s|buyer name|advertiser|"
    "acheteur|facture a|adresse de facturation|destinataire|nom du client|nom de l " "abonne|facturer " "a|kaeufer|kaufer|kunde|rechnungsempfaenger|rechnungsempfanger|leistungsempfanger|kaufer " "leistungsempfanger|rechnungsadresse|an|rechnung an|"
    "koper|klant|factuur aan|factuuradres|aan|afnemer|t a v|cliente|comprador|facturar " "a|direccion de facturacion|facturado a|datos del " "cliente|acquirente|intestatario|spett " "le|spett|destinatario|committente|cessionario|fatturato a",
    Concept.DELIVERY_NAME: "ship to|deliver to|delivery address|shipping address|ship " "to " "address|delivered " "to|shipped to|service address|livrer a|adresse de livraison|livre a|adresse de l " "installation|lieferadresse|lieferanschrift|warenempfaenger|warenempfanger|"
    "afleveradres|leveringsadres|bezorgadres|verzendadres|direccion de entrega|direccion " "de envio|enviar a|indirizzo di consegna|luogo di consegna|destinazione|consegna a",
    Concept.SELLER_ADDRESS: "address|location|addr|warehouse address|registered " "office|regd " "office|head " "office|adresse|siege social|anschrift|adres|direccion|domicilio|indirizzo|sede|sede " "legale|vendor address|supplier address|ubicacion|standort|store address",
    Concept.PAYMENT_TERMS: "terms|payment terms|terms of payment|conditions " "de " "paiement|conditions de " "reglement|modalites de " "paiement|zahlungsbedingungen|zahlungsbedingung|zahlungskonditionen|betalingscondities|betalingsvoorwaarden|betalingstermijn|"
    "condiciones de pago|forma de pago|condizioni di pagamento|termini di pagamento|pagamento",
    Concept.PAYMENT_METHOD: "payment method|payment type|method of payment|paid " "by|payment " "mode|mode of " "payment|tender type|payment by|mode de paiement|mode de reglement|moyen de " "paiement|zahlungsart|zahlungsweise|zahlart|bezahlt " "mit|betaalmethode|betaalwijze|betaald met|"
    "metodo de pago|medio de pago|metodo di pagamento|modalita di pagamento|modalita pagamento",
    Concept.PHONE: "tel|telephone|phone|phone no|tel " "no|mobile|mob|hp|h " "p|contact " "no|hotline|careline|ph|fon|telefon|telefono|telefoon|tel " "fax|tlf|cell|gsm|portable|cellulare",
    Concept.FAX: "fax|fax no|telefax|facsimile|telecopie",
    Concept.EMAIL: "email|e mail|mail|courriel|correo|correo electronico|adresse " "email|adresse " "email de " "contact",
    Concept.URL: "website|web|www|internet|site|url|webseite|sitio web|sito|homepage",
    Concept.BANK: "bank|bank name|banque|nom de la banque|bankverbindung|banca|banco|bank details",
    Concept.CONTACT: "contact|contact " "person|cashier|salesperson|sales " "person|clerk|served " "by|server|staff|operator|contact " "name|interlocuteur|ansprechpartner|bearbeiter|sachbearbeiter|contactpersoon|contacto|referente|vendedor|kassierer|kasse|user|sales " "rep|counter|caja|cassa|account manager|requisitioner",
    Concept.TIME: "time|heure|uhrzeit|zeit|tijd|hora|ora|shift|table|table " "no|pax|terminal|pos " "no|pos|till|register|tafel|tisch|page|seite|pagina",
    Concept.QUANTITY: "quantity|qty|quantite|qte|menge|anzahl|aantal|cantidad|quantita|qta|pcs|units|total " "qty|no of items|item count|items|total items|total quantity",
}  # fmt: skip


class Match(NamedTuple):
    """A known phrase in a row of tokens: `start`..`end` count tokens."""

    key: str
    start: int
    end: int
    letters: int


class LabelBook:
    """Finds known phrases in a text; of two that overlap, the longer one wins. Misspellings of OCR
    are forgiven in words of 5 letters or more."""

    def __init__(self, phrases: Mapping[str, Iterable[str]]) -> None:
        self._phrases: dict[tuple[str, ...], list[str]] = {}
        for key, texts in phrases.items():
            for text in texts:
                words = tuple(tokens(text))
                if words and key not in self._phrases.setdefault(words, []):
                    self._phrases[words].append(key)
        self._longest = max((len(words) for words in self._phrases), default=0)
        self._first = {words[0] for words in self._phrases}
        self._vocabulary = frozenset(word for words in self._phrases for word in words)
        self._long: dict[str, list[str]] = {}
        for word in sorted(self._vocabulary):
            if len(word) >= 5:  # noqa: PLR2004  shorter words are too near each other
                self._long.setdefault(lookalike(word[0]), []).append(word)
        self.canonical = lru_cache(maxsize=8192)(self._canonical)

    def matches(self, words: Sequence[str], *, forgiving: bool = False) -> list[Match]:
        """All phrases in `words` (from `folding.tokens`), longest first, none inside a longer one
        of another key.

        `forgiving`: the words come from OCR, so that "lnvoice" is an invoice; in a text layer,
        "supplies" is no "supplier".
        """
        known = [self.canonical(word) for word in words] if forgiving else words
        found: list[Match] = []
        for start, word in enumerate(known):
            if word not in self._first:
                continue
            for end in range(start + 1, min(len(known), start + self._longest) + 1):
                keys = self._phrases.get(tuple(known[start:end]), ())
                found += [Match(key, start, end, sum(map(len, known[start:end]))) for key in keys]
        found.sort(key=lambda m: (m.start - m.end, -m.letters))
        kept: list[Match] = []
        for match in found:
            if not any(
                m.start <= match.start
                and match.end <= m.end
                and (m.end - m.start) > (match.end - match.start)
                for m in kept
            ):
                kept.append(match)
        return kept

    def _canonical(self, word: str) -> str:
        if word in self._vocabulary or len(word) < 5 or word.isdigit():  # noqa: PLR2004  see _long
            return word
        limit = 1 if len(word) < 8 else 2  # noqa: PLR2004  a longer word may carry two slips
        alike = self._long.get(lookalike(word[0]), ())  # "ground" is not "round"
        best = process.extractOne(word, alike, scorer=Levenshtein.distance, score_cutoff=limit)
        return str(best[0]) if best else word


def lexicon() -> dict[str, list[str]]:
    """The shipped labels as `LabelBook` takes them."""
    return {concept.value: phrases.split("|") for concept, phrases in LABELS.items()}
