"""What lies at the place of an output already: never shortened, and only overwritten if ours."""

import os
from pathlib import Path

import pytest

from schemas.errors import StateError
from tasks.ledger.ledger import Ledger
from tasks.outputs.forgetting import forget_document
from tests.support.state_backends import open_ledger
from tests.support.state_parts import document
from tests.tasks.outputs.test_write_outputs import finish, lines, rows_of, write


class NoPages:
    async def forget(self, document_id: str) -> None: ...


async def write_documents(ledger: Ledger, folder: Path, *names: str) -> None:
    for name in names:
        await finish(ledger, name)
    await write(ledger, folder, *names)


async def test_output_of_a_lost_ledger_is_kept_beside_the_new_one(tmp_path: Path) -> None:
    out = tmp_path / "out"
    async with open_ledger("sqlite", tmp_path / "first") as ledger:
        await write_documents(ledger, tmp_path, "a.pdf", "b.pdf")
    async with open_ledger("sqlite", tmp_path / "second") as ledger:
        await write_documents(ledger, tmp_path, "b.pdf", "c.pdf")
        await write(ledger, tmp_path, "b.pdf")
    assert [len(lines(out / name)) for name in ("invoices.jsonl", "invoices.kept-1.jsonl")] == [
        2,
        2,
    ]
    assert len(rows_of(out / "invoices.kept-1.csv")) == 2
    assert not list(out.glob("*kept-2*")), "what this ledger wrote is not kept again"
    assert len(list((out / "invoices").iterdir())) == 3


async def test_output_is_kept_under_a_free_name(tmp_path: Path) -> None:
    for number in range(3):
        async with open_ledger("sqlite", tmp_path / f"ledger-{number}") as ledger:
            await write_documents(ledger, tmp_path, f"{number}.pdf")
    paths = [lines(tmp_path / f"out/invoices.kept-{n}.jsonl")[0].path for n in (1, 2)]
    assert paths == ["/inbox/0.pdf", "/inbox/1.pdf"]


async def test_forgotten_document_is_not_kept(tmp_path: Path) -> None:
    async with open_ledger("sqlite", tmp_path) as ledger:
        await write_documents(ledger, tmp_path, "a.pdf", "b.pdf")
        await forget_document(ledger, tmp_path, document("a.pdf").document_id, NoPages())
        await write(ledger, tmp_path, "b.pdf")
    assert len(lines(tmp_path / "out/invoices.jsonl")) == 1
    assert not list((tmp_path / "out").glob("*kept*"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("invoices.csv", b"customer,phone\nAnn,1\n"),
        ("invoices.csv", b"\xff\xfe\x00"),
        ("invoices.csv", b"path,document_id,status,pages,confidence\nshort\n"),
        ("invoices.jsonl", b'{"mine": 1}\n'),
        ("invoices.jsonl", b"flows:\n  invoices: {}\n"),
        ("invoices.jsonl", b"\x00\x01"),
    ],
)
async def test_file_of_a_person_is_not_overwritten(
    tmp_path: Path, name: str, content: bytes
) -> None:
    file = tmp_path / "out" / name
    file.parent.mkdir()
    file.write_bytes(content)
    async with open_ledger("sqlite", tmp_path) as ledger:
        with pytest.raises(StateError, match="was not made by docmill"):
            await write_documents(ledger, tmp_path, "a.pdf")
    assert file.read_bytes() == content


async def test_json_file_of_a_person_is_not_overwritten(tmp_path: Path) -> None:
    async with open_ledger("sqlite", tmp_path) as ledger:
        await write_documents(ledger, tmp_path, "a.pdf")
        (file,) = (tmp_path / "out/invoices").iterdir()
        file.write_text("my notes")
        with pytest.raises(StateError, match="was not made by docmill"):
            await write(ledger, tmp_path, "a.pdf")
    assert file.read_text() == "my notes"


async def test_pipe_at_the_place_of_an_output_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    os.mkfifo(tmp_path / "out/invoices.jsonl")
    async with open_ledger("sqlite", tmp_path) as ledger:
        with pytest.raises(StateError, match="not a regular file"):
            await write_documents(ledger, tmp_path, "a.pdf")


async def test_record_longer_than_csv_readers_take_is_still_known_as_ours(tmp_path: Path) -> None:
    async with open_ledger("sqlite", tmp_path) as ledger:
        await finish(ledger, "a.pdf", text="x" * 200_000)
        await write(ledger, tmp_path, "a.pdf")
        await write(ledger, tmp_path, "a.pdf")
    assert len(lines(tmp_path / "out/invoices.jsonl")) == 1
