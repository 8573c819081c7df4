"""How often is the local engine right? Real OCR and text layers, labelled documents, exact match.

    python bench/local_accuracy.py [DATA] [--errors] [--counts]

DATA holds `receipts*`, `invoices*` and `einvoices*` folders with labels (`bench/labelled.py` says
in which form). --errors prints every miss;
--counts prints (kind, reason): (right, seen), the table of `tasks/local/choosing/calibration.py`;
only values that have a label are counted.
"""

import argparse
import asyncio
import contextlib
import json
import re
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from bench.labelled import Labelled, einvoices, equal, invoices, receipts
from schemas.flow import RenderSettingsSpec
from schemas.record_path import RecordPath
from tasks.documents.identify import identify
from tasks.documents.reader import DocumentReader
from tasks.local.fields import FieldFinder, Found

_DEFAULT = Path(__file__).parents[2] / "shared" / "data"
_SHOWN_OF_EINVOICES = re.compile(
    r"number|issue_date|due_date|currency|seller\.(name|vat_id|tax_number)|buyer\.name|net_total|tax_total|total|amount_due|lines\[\d+\]\.(name|quantity|unit_price|net_amount|tax_rate)"
)


def documents_in(data: Path) -> Iterator[Labelled]:
    for folder in sorted(path for path in data.iterdir() if path.is_dir()):
        for name, load in (
            ("receipts", receipts),
            ("invoices", invoices),
            ("einvoices", einvoices),
        ):
            if folder.name.startswith(name):
                yield from load(folder)


async def find(reader: DocumentReader, labelled: Labelled) -> Found:
    document = identify(labelled.path)
    info = await reader.open(document)
    finder = FieldFinder(labelled.schema)
    for number in range(1, info.page_count + 1):
        finder.read(await reader.page(document, number, ocr=True))
    return finder.finish()


class Score:
    """Right and labelled, by group and label name; right and seen, by the reasons of a confidence
    and by its height."""

    def __init__(self) -> None:
        self.fields: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
        self.reasons: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
        self.confidences: dict[float, list[int]] = defaultdict(lambda: [0, 0])
        self.errors: list[str] = []

    def add(self, labelled: Labelled, found: Found) -> None:
        of_document: dict[tuple[str, str], bool] = {}
        confidences = {evidence.field: evidence.confidence for evidence in found.evidence}
        for name, (place, label) in labelled.labels.items():
            got = RecordPath.parse(place).get(found.record)
            right = equal(got, label)
            if not labelled.group.startswith("e-") or _SHOWN_OF_EINVOICES.fullmatch(place):
                _count(self.fields[labelled.group, re.sub(r"\[\d+\]", "[]", name)], right=right)
                if not right:
                    self.errors.append(
                        f"{labelled.path.name}: {name}: found {got!r}, label {label!r}"
                    )
            if got is not None and place in found.reasons:
                of_document[found.reasons[place]] = (
                    of_document.get(found.reasons[place], True) and right
                )
                _count(self.confidences[min(0.9, int(confidences[place] * 10) / 10)], right=right)

        for (
            reasons,
            right,
        ) in (
            of_document.items()
        ):  # ten lines of one invoice are no ten proofs: a document counts once
            _count(self.reasons[reasons], right=right)

    def show(self) -> None:
        for group in dict.fromkeys(group for group, _ in self.fields):
            cells = [
                f"{name} {right}/{seen}"
                for (of, name), (right, seen) in self.fields.items()
                if of == group
            ]
            print(f"{group}: {', '.join(cells)}")
        for least, (right, seen) in sorted(self.confidences.items(), reverse=True):
            print(
                f"confidence {least:.1f} and more: {right} of {seen} right"
                if least == 0.9
                else f"confidence {least:.1f} to {least + 0.1:.1f}: {right} of {seen} right"
            )


def _count(pair: list[int], *, right: bool) -> None:
    pair[0] += right
    pair[1] += 1


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", nargs="?", type=Path, default=_DEFAULT)
    parser.add_argument("--errors", action="store_true")
    parser.add_argument("--counts", action="store_true")
    parser.add_argument(
        "--store", type=Path, help="keep the pages' words here, so that a second run needs no OCR"
    )
    options = parser.parse_args()
    score, count, start = Score(), 0, time.perf_counter()
    with contextlib.ExitStack() as stack:
        store = options.store or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        async with DocumentReader(
            RenderSettingsSpec(), store_url=store.resolve().as_uri()
        ) as reader:
            for labelled in documents_in(options.data):
                score.add(labelled, await find(reader, labelled))
                count += 1
    score.show()
    print(f"{count} documents in {time.perf_counter() - start:.1f} s")
    for error in score.errors if options.errors else ():
        print(error)
    if options.counts:
        table = {json.dumps(key): tuple(pair) for key, pair in sorted(score.reasons.items())}
        print("\n".join(f"    ({key[1:-1]}): {pair}," for key, pair in table.items()))


if __name__ == "__main__":
    asyncio.run(main())
