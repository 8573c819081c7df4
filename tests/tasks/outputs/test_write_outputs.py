"""What the write step leaves on disk: views of the ledger, whole, in order, once for each
document."""

import asyncio
import csv
import json
import os
from pathlib import Path

import pytest

from schemas.errors import DeferReason, StateError
from schemas.flow import WriteSettings
from schemas.record import DocumentResult, Evidence, Status
from schemas.usage import Usage
from tasks.ledger.documents import listing as documents
from tasks.ledger.documents.outputs import Entry
from tasks.ledger.ledger import Ledger
from tasks.outputs import SINKS, views
from tasks.outputs.atomic import replacing
from tasks.outputs.csv_table import row_of
from tasks.outputs.forgetting import forget_document
from tasks.outputs.targets import entry_name, target_of_key, targets_of
from tasks.outputs.views import OutputViews
from tests.support.state_backends import every_backend, open_ledger, state_url
from tests.support.state_parts import document, result_of, start_script

ALL = WriteSettings()


def targets(folder: Path, settings: WriteSettings = ALL, out: Path | None = None):
    return targets_of(settings, "invoices", folder, out)


async def finish(
    ledger: Ledger,
    name: str,
    status: Status = Status.DONE,
    *,
    definition: str = "d1",
    again: bool = False,
    **record: object,
) -> DocumentResult:
    one = document(name)
    claim = await ledger.claim(
        "invoices", one, definition, "run-1", again=again, document_attempts=3
    )
    result = result_of(one, status, **record)
    await ledger.finish(claim, result, Usage())
    return result


async def write(
    ledger: Ledger,
    folder: Path,
    *names: str,
    definition: str = "d1",
    settings: WriteSettings = ALL,
    out: Path | None = None,
) -> None:
    async with OutputViews(ledger, "invoices", targets(folder, settings, out)) as outputs:
        for name in names:
            await outputs.add(document(name).document_id, document(name).path, definition)


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table))


def lines(file: Path) -> list[DocumentResult]:
    return [
        DocumentResult.model_validate_json(line)
        for line in file.read_text(encoding="utf-8").splitlines()
    ]


@every_backend
async def test_default_outputs_hold_done_and_needs_review_and_nothing_else(backend, tmp_path):
    async with open_ledger(backend, tmp_path) as ledger:
        done = await finish(ledger, "a.pdf", number="Ä-1")
        review = await finish(ledger, "b.pdf", Status.NEEDS_REVIEW, number=None)
        await finish(ledger, "c.pdf", Status.FAILED)
        await ledger.release(
            await ledger.claim(
                "invoices", document("d.pdf"), "d1", "run-1", again=False, document_attempts=3
            ),
            DeferReason.BUDGET,
        )
        await write(ledger, tmp_path, "a.pdf", "b.pdf", "c.pdf", "d.pdf")
    assert lines(tmp_path / "out" / "invoices.jsonl") == [done, review]
    assert [row["number"] for row in rows_of(tmp_path / "out" / "invoices.csv")] == ["Ä-1", ""]
    files = sorted((tmp_path / "out" / "invoices").iterdir())
    assert [
        DocumentResult.model_validate_json(file.read_text(encoding="utf-8")) for file in files
    ] == [done, review]
    assert [file.name for file in files] == [
        f"{name}.invoices.{document(f'{name}.pdf').document_id[:32]}.json" for name in "ab"
    ]


async def test_a_document_stays_at_its_place_when_it_is_done_again(tmp_path):
    async with open_ledger("sqlite", tmp_path) as ledger:
        for name in ("a.pdf", "b.pdf"):
            await finish(ledger, name, number="old")
        await write(ledger, tmp_path, "a.pdf", "b.pdf")
        await finish(ledger, "a.pdf", definition="d2", number="new")
        await write(ledger, tmp_path, "a.pdf", definition="d2")
    assert [line.record["number"] for line in lines(tmp_path / "out" / "invoices.jsonl")] == [
        "new",
        "old",
    ]


async def test_an_output_keeps_what_its_own_runs_wrote(tmp_path):
    """The same document by another definition in another folder changes nothing here."""
    async with open_ledger("sqlite", tmp_path) as ledger:
        await finish(ledger, "a.pdf", number="offline")
        await write(ledger, tmp_path, "a.pdf")
        await finish(ledger, "a.pdf", definition="d2", number="paid")
        await finish(ledger, "b.pdf", number="offline")
        await write(ledger, tmp_path, "a.pdf", definition="d2", out=tmp_path / "paid")
        await write(ledger, tmp_path, "b.pdf")
    assert [line.record["number"] for line in lines(tmp_path / "out" / "invoices.jsonl")] == [
        "offline",
        "offline",
    ]
    assert [line.record["number"] for line in lines(tmp_path / "paid" / "invoices.jsonl")] == [
        "paid"
    ]


async def test_output_that_was_deleted_is_whole_again_after_a_run_that_skips(tmp_path):
    async with open_ledger("sqlite", tmp_path) as ledger:
        for name in ("a.pdf", "b.pdf"):
            await finish(ledger, name)
        await write(ledger, tmp_path, "a.pdf", "b.pdf")
        for file in (tmp_path / "out").rglob("*.*"):
            file.unlink()
        await write(ledger, tmp_path, "b.pdf")
    assert len(lines(tmp_path / "out" / "invoices.jsonl")) == 2
    assert [file.name[:2] for file in (tmp_path / "out" / "invoices").iterdir()] == ["b."]


async def test_project_that_was_moved_keeps_its_outputs(tmp_path):
    (tmp_path / "old").mkdir()
    async with open_ledger("sqlite", tmp_path / "old") as ledger:
        await finish(ledger, "a.pdf")
        await write(ledger, tmp_path / "old", "a.pdf")
    (tmp_path / "old").rename(tmp_path / "new")
    async with open_ledger("sqlite", tmp_path / "new") as ledger:
        await finish(ledger, "b.pdf")
        await write(ledger, tmp_path / "new", "b.pdf")
    assert len(lines(tmp_path / "new" / "out" / "invoices.jsonl")) == 2


async def test_outputs_follow_while_the_run_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(views, "SECONDS_BETWEEN", 0.02)
    file = tmp_path / "out" / "invoices.jsonl"
    async with (
        open_ledger("sqlite", tmp_path) as ledger,
        OutputViews(ledger, "invoices", targets(tmp_path)) as outputs,
    ):
        for count in range(1, 4):
            await finish(ledger, f"{count}.pdf")
            await outputs.add(
                document(f"{count}.pdf").document_id, document(f"{count}.pdf").path, "d1"
            )
            async with asyncio.timeout(5):
                # a file tells no event
                while not file.exists() or len(lines(file)) < count:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)


async def test_document_listed_before_it_is_finished_shows_once_it_is(tmp_path):
    """A kill between the two loses nothing: the next rebuild by anybody has it."""
    async with open_ledger("sqlite", tmp_path) as ledger:
        await write(ledger, tmp_path, "a.pdf")
        assert lines(tmp_path / "out" / "invoices.jsonl") == []
        await finish(ledger, "a.pdf")
        await finish(ledger, "b.pdf")
        await write(ledger, tmp_path, "b.pdf")
    assert len(lines(tmp_path / "out" / "invoices.jsonl")) == 2


async def test_output_that_cannot_be_written_is_named_and_the_next_run_writes_it(tmp_path):
    (tmp_path / "out").write_text("a file where the folder should be")
    async with open_ledger("sqlite", tmp_path) as ledger:
        await finish(ledger, "a.pdf")
        with pytest.raises(
            StateError, match=r"out/invoices\.jsonl: cannot be written .* safe in the ledger"
        ):
            await write(ledger, tmp_path, "a.pdf")
        (tmp_path / "out").unlink()
        await write(ledger, tmp_path, "a.pdf")
    assert len(lines(tmp_path / "out" / "invoices.jsonl")) == 1


async def test_error_of_the_run_is_not_hidden_by_one_of_the_outputs(tmp_path):
    (tmp_path / "out").write_text("a file where the folder should be")
    async with open_ledger("sqlite", tmp_path) as ledger:
        await finish(ledger, "a.pdf")

        async def broken_run() -> None:
            async with OutputViews(ledger, "invoices", targets(tmp_path)) as outputs:
                await outputs.add(document("a.pdf").document_id, document("a.pdf").path, "d1")
                raise KeyError

        with pytest.raises(KeyError):
            await broken_run()


WRITER = """
import asyncio, sys
from pathlib import Path
from schemas.flow import WriteSettings
from schemas.usage import Usage
from tasks.outputs import views
from tasks.outputs.targets import targets_of
from tasks.outputs.views import OutputViews
from tasks.ledger.ledger import Ledger
from tests.support.state_parts import document, result_of
views.SECONDS_BETWEEN = 0.005

async def main(url, folder, name):
    folder = Path(folder)
    async with await Ledger.open(url or None, folder) as ledger:
        targets = targets_of(WriteSettings(), "invoices", folder, None)
        async with OutputViews(ledger, "invoices", targets) as outputs:
            for number in range(60):
                one = document(f"{name if number % 3 else 'both'}-{number}.pdf")
                claim = await ledger.claim(
                    "invoices", one, "d1", name, again=True, document_attempts=3
                )
                if hasattr(claim, "claim_id"):
                    await ledger.finish(claim, result_of(one), Usage())
                await outputs.add(one.document_id, one.path, "d1")
                await asyncio.sleep(0.004)
asyncio.run(main(*sys.argv[1:]))
"""


@every_backend
async def test_two_processes_on_one_output_lose_and_double_no_row(backend, tmp_path):
    with state_url(backend) as url:
        running = [
            await start_script(WRITER, url or "", str(tmp_path), name) for name in ("left", "right")
        ]
        assert [await asyncio.wait_for(process.wait(), 60) for process in running] == [0, 0]
    paths = [line.path for line in lines(tmp_path / "out" / "invoices.jsonl")]
    expected = {
        f"/inbox/both-{n}.pdf" if n % 3 == 0 else f"/inbox/{side}-{n}.pdf"
        for n in range(60)
        for side in ("left", "right")
    }
    assert len(paths) == len(set(paths))
    assert set(paths) == expected
    rows = rows_of(tmp_path / "out" / "invoices.csv")
    assert [row["path"] for row in rows] == paths
    assert len(list((tmp_path / "out" / "invoices").iterdir())) == len(expected)
    assert not list((tmp_path / "out").rglob("*.tmp"))


@every_backend
async def test_forgotten_document_is_in_no_file_any_more_and_keeps_its_id(backend, tmp_path):
    class Pages:
        def __init__(self) -> None:
            self.forgotten: list[str] = []

        async def forget(self, document_id: str) -> None:
            self.forgotten.append(document_id)

    pages = Pages()
    secret = "Zaphod Beeblebrox " * 600
    async with open_ledger(backend, tmp_path) as ledger:
        await finish(ledger, "zaphod.pdf", issuer=secret)
        await finish(ledger, "b.pdf")
        await write(ledger, tmp_path, "zaphod.pdf", "b.pdf")
        await forget_document(ledger, tmp_path, document("zaphod.pdf").document_id, pages)
        remains = [
            file
            for file in tmp_path.rglob("*")
            if file.is_file() and any(word in file.read_bytes() for word in (b"Zaphod", b"zaphod"))
        ]
        assert remains == []
        assert pages.forgotten == [document("zaphod.pdf").document_id]
        assert len(lines(tmp_path / "out" / "invoices.jsonl")) == 1
        rows = await ledger.database.read(documents.listing)
        assert {row.document_id: row.path for row in rows}[document("zaphod.pdf").document_id] == ""
        claim = await ledger.claim(
            "invoices", document("zaphod.pdf"), "d1", "run-2", again=False, document_attempts=3
        )
        with pytest.raises(StateError, match="being worked on"):
            await forget_document(ledger, tmp_path, claim.document_id, pages)


def test_paths_are_relative_to_the_project_and_go_under_out_by_their_base_name(tmp_path):
    settings = WriteSettings.model_validate({"jsonl": "a/b/x.jsonl", "json": "files"})
    assert [(t.kind, t.place, t.key) for t in targets(tmp_path, settings)] == [
        ("jsonl", tmp_path / "a/b/x.jsonl", "jsonl:a/b/x.jsonl"),
        ("json", tmp_path / "files", "json:files"),
    ]
    elsewhere = targets(tmp_path / "project", settings, tmp_path / "elsewhere")
    assert [t.place for t in elsewhere] == [
        tmp_path / "elsewhere/x.jsonl",
        tmp_path / "elsewhere/files",
    ]
    assert [target_of_key(t.key, tmp_path / "project") for t in elsewhere] == list(elsewhere)
    assert [t.key for t in targets(tmp_path)] == [
        "jsonl:out/invoices.jsonl",
        "csv:out/invoices.csv",
        "json:out/invoices",
    ]


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("Rechnung Nr. 1.pdf", "Rechnung Nr. 1"),
        ("a/b", "b"),
        ("..", "document"),
        ("x" * 300, "x" * 158),
        ("a:b*c?.pdf", "a_b_c_"),
        ("été.pdf", "été"),
        ("請" * 78 + ".pdf", "請" * 52),
    ],
)
def test_file_names_are_safe_and_recognisable(name, stem):
    assert entry_name(Path(name), "invoices", "0f" * 32) == f"{stem}.invoices.{'0f' * 16}"


async def test_a_longest_name_is_written(tmp_path):
    async with open_ledger("sqlite", tmp_path) as ledger:
        name = "請" * 83 + ".pdf"
        await finish(ledger, name)
        await write(ledger, tmp_path, name)
    assert len(list((tmp_path / "out" / "invoices").iterdir())) == 1


async def test_two_flows_in_one_folder_have_files_of_their_own(tmp_path):
    settings = WriteSettings.model_validate({"json": "files"})
    async with open_ledger("sqlite", tmp_path) as ledger:
        one = document("a.pdf")
        for flow in ("invoices", "letters"):
            claim = await ledger.claim(flow, one, "d1", flow, again=False, document_attempts=3)
            await ledger.finish(claim, result_of(one, flow=flow), Usage())
            into = targets_of(settings, flow, tmp_path, None)
            async with OutputViews(ledger, flow, into) as outputs:
                await outputs.add(one.document_id, one.path, "d1")
    written = [json.loads(file.read_text()) for file in sorted((tmp_path / "files").iterdir())]
    assert [each["record"] for each in written] == [{"flow": "invoices"}, {"flow": "letters"}]


def test_csv_row_is_flat_with_exact_values_and_lists_as_json():
    result = result_of(
        document(),
        total="1.10",
        formula="=1+1",
        seller={"name": "Ä", "address": {"city": None}},
        lines=[{"n": 1}],
        paid=True,
        pages=3,
        empty={},
    )
    evidence = (
        Evidence(field="total", found_by="ocr", confidence=0.9),
        Evidence(field="x", found_by="ocr", confidence=0.75),
    )
    row = row_of(result.model_copy(update={"evidence": evidence}).model_dump(mode="json"))
    assert row == {
        "path": "/inbox/invoice.pdf",
        "document_id": document().document_id,
        "status": "done",
        "pages": "2",
        "confidence": "0.75",
        "total": "1.10",
        "formula": "'=1+1",
        "seller.name": "Ä",
        "seller.address.city": "",
        "lines": '[{"n": 1}]',
        "paid": "true",
        "record.pages": "3",
    }


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+49 30 123", "-cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", "-", "+1-1", "-1+1"],
)
def test_csv_cell_that_a_spreadsheet_takes_for_a_formula_is_text(text):
    row = row_of(result_of(document(text), value=text).model_dump(mode="json"))
    assert row["value"] == f"'{text}"


@pytest.mark.parametrize(
    "text", ["-12.50", "+3", "-1,234.56", "-1.234,56", "-5%", "-1e-7", "a=b", ""]
)
def test_csv_number_is_written_as_it_is(text):
    assert row_of(result_of(document(), value=text).model_dump(mode="json"))["value"] == text


def test_csv_has_the_columns_of_all_records_in_the_order_they_appear(tmp_path):
    results = [
        result_of(document(str(n)), **record)
        for n, record in enumerate([{"a": "1"}, {"b": 'two\nlines, "quoted"', "a": "3"}])
    ]
    SINKS["csv"].write(
        tmp_path / "x.csv", [Entry("-", result.model_dump_json()) for result in results]
    )
    rows = rows_of(tmp_path / "x.csv")
    assert list(rows[0])[-2:] == ["a", "b"]
    assert [(row["a"], row["b"]) for row in rows] == [("1", ""), ("3", 'two\nlines, "quoted"')]


@pytest.mark.parametrize("kind", SINKS)
def test_every_sink_leaves_the_old_state_when_it_breaks_half_way(tmp_path, kind):
    place = tmp_path / "out" / "view"
    entry = Entry("a-1", result_of(document()).model_dump_json())
    SINKS[kind].write(place, [entry])
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}

    def breaking():
        yield entry
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        SINKS[kind].write(place, breaking())
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before


def test_json_file_is_not_written_again_when_nothing_changed(tmp_path):
    entry = Entry("a-1", result_of(document(), name="Ä").model_dump_json())
    SINKS["json"].write(tmp_path, [entry])
    os.utime(tmp_path / "a-1.json", (1, 1))
    SINKS["json"].write(tmp_path, [entry])
    assert (tmp_path / "a-1.json").stat().st_mtime == 1
    assert json.loads((tmp_path / "a-1.json").read_text(encoding="utf-8"))["record"] == {
        "name": "Ä"
    }


def test_link_to_an_output_stays_a_link(tmp_path):
    (tmp_path / "real.jsonl").write_text("old")
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "real.jsonl")
    with replacing(tmp_path / "link.jsonl") as file:
        file.write("new")
    assert (tmp_path / "link.jsonl").is_symlink()
    assert (tmp_path / "real.jsonl").read_text() == "new"
