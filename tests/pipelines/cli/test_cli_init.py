"""`docmill init FOLDER`: what a new project holds, and that it works as it stands."""

from pathlib import Path

from pipelines.loading import load_project

ROOT = Path(__file__).parents[3]


def test_a_new_project_holds_what_a_person_needs(docmill, tmp_path):
    code, out, err = docmill("init", tmp_path / "mine")
    assert (code, err) == (0, "")
    assert "docmill run invoices --local" in out
    made = {
        str(path.relative_to(tmp_path / "mine"))
        for path in (tmp_path / "mine").rglob("*")
        if path.is_file()
    }
    assert made == {
        "flows.yaml",
        "flows.schema.json",
        "schemas/invoice.py",
        ".gitignore",
        "inbox/.gitkeep",
    }
    assert (tmp_path / "mine/schemas/invoice.py").read_bytes() == (
        ROOT / "schemas/invoice.py"
    ).read_bytes()


def test_a_new_project_passes_its_check_and_uses_its_own_schema(docmill, tmp_path, monkeypatch):
    docmill("init", tmp_path / "mine")
    schema = tmp_path / "mine/schemas/invoice.py"
    schema.write_text(
        schema.read_text(encoding="utf-8").replace("class Invoice(", "class Bill(")
        + "\n\nclass Invoice(Bill):\n    mine: str\n"
    )
    monkeypatch.chdir(tmp_path / "mine" / "inbox")
    code, out, _ = docmill("check")
    assert code == 0
    assert out.startswith("../flows.yaml: 1 flow, no problems\n")
    found = load_project(Path("../flows.yaml")).references["invoices"].schema
    assert found is not None
    assert "mine" in found.model_fields


def test_editors_find_the_json_schema_that_the_first_line_names(docmill, tmp_path):
    docmill("init", tmp_path)
    first = (tmp_path / "flows.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert (tmp_path / first.removeprefix("# yaml-language-server: $schema=")).is_file()
    shipped = (ROOT / "flows.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert (ROOT / shipped.removeprefix("# yaml-language-server: $schema=")).is_file()


def test_nothing_is_overwritten(docmill, tmp_path):
    (tmp_path / "flows.yaml").write_text("mine")
    code, out, err = docmill("init", tmp_path)
    assert (code, out) == (2, "")
    assert err == (
        f"docmill: {tmp_path} already has flows.yaml; nothing was written. "
        "Name another folder, or move these files.\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["flows.yaml"]
    assert (tmp_path / "flows.yaml").read_text() == "mine"


def test_an_existing_folder_gets_what_it_lacks(docmill, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    assert docmill("init", tmp_path)[0] == 0
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_told(docmill, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = docmill("init", tmp_path / "file" / "mine")
    assert code == 2
    assert "cannot write" in err
