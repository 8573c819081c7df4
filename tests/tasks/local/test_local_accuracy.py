"""Floors of the local engine on labelled documents: what it promises, not the best it reached
(`docs/local-engine.md` has the figures)."""

from collections import Counter

import pytest

from bench.labelled import Labelled, equal, invoices
from schemas.flow import RenderSettingsSpec
from schemas.receipt import Receipt
from schemas.record_path import RecordPath
from tasks.documents.identify import identify
from tasks.documents.reader import DocumentReader
from tasks.local.fields import FieldFinder
from tests.support.pages import stored_receipts
from tests.support.shared_data import SHARED_DATA, needs_shared_data


def test_receipts_read_by_ocr_reach_the_promised_floor_and_their_confidence_holds() -> None:
    right: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    sure = [0, 0]
    for _, labels, words in stored_receipts():
        finder = FieldFinder(Receipt)
        finder.read(words)
        found = finder.finish()
        confidences = {evidence.field: evidence.confidence for evidence in found.evidence}
        for name, label in labels.items():
            if label is None:
                continue
            correct = equal(found.record[name], label)
            right[name] += correct
            seen[name] += 1
            if confidences.get(name, 0) >= 0.9:
                sure[0] += correct
                sure[1] += 1
    assert right["date"] >= 0.9 * seen["date"]
    assert right["total"] >= 0.9 * seen["total"]
    assert right["company"] >= 0.75 * seen["company"]
    assert right["address"] >= 0.7 * seen["address"]
    assert sure[1] >= 40
    assert sure[0] >= 0.9 * sure[1]


@needs_shared_data
async def test_invoices_with_a_text_layer_reach_the_promised_floor(tmp_path) -> None:
    assert SHARED_DATA is not None
    right: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    labelled = [
        one for one in invoices(SHARED_DATA / "invoices-dev") if one.group == "invoices, text layer"
    ]
    async with DocumentReader(
        RenderSettingsSpec(), store_url=tmp_path.as_uri(), workers=1
    ) as reader:
        for one in labelled:
            record = await _record(reader, one)
            for name, (place, label) in one.labels.items():
                right[name] += equal(RecordPath.parse(place).get(record), label)
                seen[name] += 1
    for name in ("invoice_number", "date", "total", "net_total"):
        assert right[name] >= 0.8 * seen[name], name
    assert sum(right.values()) >= 0.85 * sum(seen.values())


async def _record(reader: DocumentReader, labelled: Labelled):
    document = identify(labelled.path)
    info = await reader.open(document)
    finder = FieldFinder(labelled.schema)
    for number in range(1, info.page_count + 1):
        finder.read(await reader.page(document, number, ocr=False))
    return finder.finish().record


@pytest.mark.parametrize(
    ("found", "label", "same"),
    [
        ("717.97", "717.970", True),
        (717.97, "717.97", True),
        ("2018-03-27", "2018-03-27", True),
        ("Coolblue BV", "COOLBLUE B.V.", True),
        (None, "x", False),
        ("718", "717.97", False),
    ],
)
def test_equal_means_equal_date_number_or_letters_and_digits(found, label, same) -> None:
    assert equal(found, label) is same
