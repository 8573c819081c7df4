"""Small documents of faults that people reported: each comes out right, or asks for a review."""

import json
from decimal import Decimal, InvalidOperation

import pytest

from tests.support.projects import Project
from tests.support.shared_data import SHARED_DATA, needs_shared_data

CASES = SHARED_DATA / "cases"
KINDS = [
    "01-space-thousands-decimal-point",
    "02-space-thousands-no-decimals",
    "03-apostrophe-lookalikes",
    "04-three-decimal-currency",
    "05-cr-suffix-credit",
    "06-year-first-two-digits",
    "07-indian-slash-dash",
    "13-two-named-taxes",
    "14-minus-after-currency",
    "15-nbsp-and-thin-spaces",
    "16-cjk-dates-and-amounts",
    "17-arabic-indic-digits",
    "18-month-names-unknown-languages",
    "35-other-languages",
]

pytestmark = needs_shared_data


def _same(found: object, right: str) -> bool:
    try:
        return Decimal(str(found)) == Decimal(right)
    except InvalidOperation:
        return str(found) == right


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    project = Project(tmp_path_factory.mktemp("cases"))
    project.write_flows(
        "      - render: {}\n      - extract: {}\n"
        "      - summarise: {schema: schemas.invoice:Invoice}\n"
        "      - check: {review_below: 0.8}\n",
        more="engine: local\n",
    )
    files = [file for kind in KINDS for file in sorted((CASES / kind).glob("*.pdf"))]
    run = project.run("run", "invoices", *map(str, files), "--json")
    return {document["path"]: document for document in json.loads(run.stdout)["documents"]}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_done_is_right(kind: str, results: dict[str, dict]) -> None:
    expected = json.loads((CASES / kind / "expected.json").read_text(encoding="utf-8"))
    for file in sorted((CASES / kind).glob("*.pdf")):
        document = next(
            found for path, found in results.items() if path.endswith(f"{kind}/{file.name}")
        )
        right = expected.get(file.name) or expected["*"]
        wrong = {
            name: document["record"].get(name)
            for name, value in right.items()
            if not _same(document["record"].get(name), value)
        }
        assert not wrong or document["status"] == "needs_review"


@pytest.mark.parametrize(
    "kind",
    [kind for kind in KINDS if kind[:2] in ("01", "02", "03", "04", "05", "14", "15", "17")],
)
def test_numbers_in_any_notation_are_read(kind: str, results: dict[str, dict]) -> None:
    expected = json.loads((CASES / kind / "expected.json").read_text(encoding="utf-8"))
    for file in sorted((CASES / kind).glob("*.pdf")):
        record = next(
            found["record"]
            for path, found in results.items()
            if path.endswith(f"{kind}/{file.name}")
        )
        for name, value in (expected.get(file.name) or expected["*"]).items():
            assert _same(record[name], value), (file.name, name)
