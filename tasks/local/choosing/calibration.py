"""Confidence of a value, counted on labelled documents; never a guess.

By kind of value and by the reasons for it.

Source of the counts: `python bench/local_accuracy.py --counts` on 2026-11-23 over 63 development
documents: 40 till receipts, 13 invoices, 10 e-invoices (against their embedded XML). A document
counts once for a kind and reason, right when all its values of that sort were. The rules were made
on these documents, so the figures lean to the good side; the two extra cases of the rule of
succession lean against it.
"""

COUNTS: dict[tuple[str, str], tuple[int, int]] = {
    ("address", "no postcode, ocr"): (6, 7),
    ("address", "with postcode, ocr"): (28, 33),
    ("address part", "no postcode"): (1, 1),
    ("address part", "with postcode"): (6, 9),
    ("amount_due", "label"): (8, 8),
    ("amount_due", "label, ocr"): (1, 1),
    ("buyer", "address block"): (1, 1),
    ("buyer", "address block, twice"): (1, 1),
    ("buyer", "label"): (10, 11),
    ("buyer", "label, ocr"): (1, 2),
    ("currency", "code printed"): (9, 9),
    ("currency", "code printed, ocr"): (1, 1),
    ("currency", "codes printed"): (1, 1),
    ("currency", "sign printed"): (2, 2),
    ("date", "label"): (14, 14),
    ("date", "label, ocr"): (14, 14),
    ("date", "no label, ocr"): (15, 15),
    ("date", "weak label"): (3, 3),
    ("date", "weak label, ocr"): (6, 6),
    ("date", "weak label, rivals"): (1, 1),
    ("iban", "checked"): (7, 7),
    ("invoice number", "label"): (15, 15),
    ("invoice number", "label, ocr"): (3, 3),
    ("invoice number", "weak label"): (3, 3),
    ("invoice number", "weak label, ocr"): (2, 2),
    ("line item", "column head"): (1, 4),
    ("line item", "quantity x price agrees"): (2, 2),
    ("name", "first lines of the page"): (3, 5),
    ("name", "first lines of the page, ocr"): (37, 42),
    ("name", "first lines of the page, twice"): (1, 1),
    ("name", "label"): (4, 4),
    ("name", "label, ocr"): (1, 1),
    ("name", "label, twice"): (3, 3),
    ("name", "label, twice, ocr"): (2, 2),
    ("name", "legal form"): (4, 4),
    ("name", "legal form, twice"): (1, 1),
    ("net_total", "sums agree"): (18, 18),
    ("net_total", "sums agree, ocr"): (5, 5),
    ("other amount", "label"): (5, 5),
    ("other date", "label"): (9, 10),
    ("other date", "label, ocr"): (2, 2),
    ("other date", "label, rivals"): (1, 1),
    ("other date", "weak label"): (1, 1),
    ("other number", "label"): (9, 9),
    ("other number", "label, ocr"): (3, 3),
    ("other number", "weak label"): (2, 3),
    ("other number", "weak label, ocr"): (1, 1),
    ("other pattern", "form"): (2, 4),
    ("other pattern", "form, rivals"): (0, 1),
    ("tax_total", "sums agree"): (15, 15),
    ("tax_total", "sums agree, ocr"): (4, 4),
    ("text", "weak label"): (2, 2),
    ("total", "label"): (4, 4),
    ("total", "label, ocr"): (16, 16),
    ("total", "label, rivals, ocr"): (1, 1),
    ("total", "sums agree"): (14, 14),
    ("total", "sums agree, ocr"): (27, 28),
    ("vat_id", "checked"): (5, 5),
    ("vat_id", "checked, rivals"): (1, 1),
    ("vat_id", "form"): (6, 6),
    ("vat_id", "form, rivals"): (1, 1),
}
"""(kind, reason) -> (right, seen). A reason that ends in "ocr": read from a picture."""

MOST_UNCOUNTED = 0.6  # a reason never met is no proof, whatever else is known of the kind
_NOTHING = (0, 0)


def confidence(kind: str, reason: str) -> float:
    """Share of values of this kind and reason that were right, by the rule of succession: (right +
    1) / (seen + 2).

    A reason that was never counted takes the share of its kind, but never more than MOST_UNCOUNTED.
    """
    right, seen = COUNTS.get((kind, reason), _NOTHING)
    if seen:
        return round((right + 1) / (seen + 2), 2)
    of_kind = [counted for (name, _), counted in COUNTS.items() if name == kind]
    share = (sum(r for r, _ in of_kind) + 1) / (sum(s for _, s in of_kind) + 2)
    return round(min(MOST_UNCOUNTED, share), 2)
