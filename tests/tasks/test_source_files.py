"""Which files a run takes."""

from pathlib import Path

import pytest

from schemas.errors import CallError
from schemas.flow import FolderSource
from tasks.source_files import files_of_paths, files_of_source


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    (folder / "sub").mkdir(parents=True)
    for name in (
        "b.pdf",
        "A.PDF",
        "scan.TIFF",
        "label.json",
        ".hidden.pdf",
        "half.pdf.part",
        "~$lock.pdf",
        "sub/deep.pdf",
    ):
        (folder / name).write_bytes(b"x")
    return folder


def names(files: list) -> list[str]:
    return [file.path.name for file in files]


def test_source_takes_matching_names_whatever_their_case_and_ignores_hidden_and_temporary_ones(
    inbox: Path,
) -> None:
    assert names(files_of_source(FolderSource(folder="inbox", match=("*.pdf",)), inbox.parent)) == [
        "A.PDF",
        "b.pdf",
    ]


def test_recursive_source_also_takes_files_of_sub_folders(inbox: Path) -> None:
    assert "deep.pdf" in names(
        files_of_source(FolderSource(folder="inbox", recursive=True), inbox.parent)
    )


def test_source_does_not_follow_a_link_that_leads_out_of_the_folder(inbox: Path) -> None:
    (inbox.parent / "secret.pdf").write_bytes(b"x")
    (inbox / "link.pdf").symlink_to(inbox.parent / "secret.pdf")
    (inbox / "inside.pdf").symlink_to(inbox / "b.pdf")
    assert names(files_of_source(FolderSource(folder="inbox", match=("*.pdf",)), inbox.parent)) == [
        "A.PDF",
        "b.pdf",
        "inside.pdf",
    ]


def test_missing_source_folder_is_named_with_the_place_that_was_looked_at(tmp_path: Path) -> None:
    with pytest.raises(CallError, match="inbox/nowhere"):
        files_of_source(FolderSource(folder="inbox/nowhere"), tmp_path)


def test_named_file_is_taken_whatever_its_suffix_and_a_named_folder_gives_its_documents(
    inbox: Path,
) -> None:
    assert names(files_of_paths(["inbox/label.json"], inbox.parent)) == ["label.json"]
    assert names(files_of_paths(["inbox"], inbox.parent)) == ["A.PDF", "b.pdf", "scan.TIFF"]


def test_missing_path_and_empty_glob_are_entries_with_an_error_and_the_rest_is_taken(
    inbox: Path,
) -> None:
    files = files_of_paths(["inbox/b.pdf", "gone.pdf", "inbox/*.xyz"], inbox.parent)
    assert [file.error is None for file in files] == [True, False, False]
    assert "'gone.pdf' does not exist" in str(files[1].error)
    assert "matches no file" in str(files[2].error)


def test_name_with_glob_characters_that_exists_is_a_file_not_a_pattern(tmp_path: Path) -> None:
    (tmp_path / "scan[1].pdf").write_bytes(b"x")
    assert names(files_of_paths(["scan[1].pdf"], tmp_path)) == ["scan[1].pdf"]
