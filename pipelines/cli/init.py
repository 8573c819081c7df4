"""`docmill init FOLDER`: a new project, ready to run."""

import json
import shlex
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from pipelines.describing.json_schema import SCHEMA_FILE, flow_file_schema
from schemas.errors import CallError


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where to make it; created if missing.")
    ],
) -> None:
    """It holds flows.yaml, a schema to edit, an inbox and a .gitignore. Nothing is overwritten."""
    contents = project_files()
    taken = [name for name in contents if (folder / name).exists()]
    if taken:
        raise CallError(
            f"{folder} already has {', '.join(taken)}; nothing was written. "
            "Name another folder, or move these files."
        )
    try:
        for name, text in contents.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            with (folder / name).open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
    except OSError as error:
        raise CallError(f"cannot write {error.filename}: {error.strerror}") from error
    typer.echo(_next_steps(folder))


def project_files() -> dict[str, str]:
    """Text of each file of a new project, by path.

    The schema is a copy of the shipped `Invoice`, for its owner to edit.
    """
    templates = files("pipelines") / "templates"
    return {
        "flows.yaml": (templates / "flows.yaml").read_text(encoding="utf-8"),
        SCHEMA_FILE: json.dumps(flow_file_schema(), indent=2, ensure_ascii=False) + "\n",
        "schemas/invoice.py": (files("schemas") / "invoice.py").read_text(encoding="utf-8"),
        ".gitignore": (templates / "gitignore").read_text(encoding="utf-8"),
        "inbox/.gitkeep": "",
    }


def _next_steps(folder: Path) -> str:
    go_there = "" if folder.resolve() == Path.cwd() else f"  cd {shlex.quote(str(folder))}\n"
    return (
        f"Made a project in {folder}:\n"
        "  flows.yaml            how your documents are processed\n"
        "  schemas/invoice.py    what a record holds; change it as you like\n"
        "  inbox/                put invoices here: PDFs, scans, photos, e-invoices\n"
        "\n"
        "Next:\n"
        f"{go_there}"
        "  docmill check                   what the flow will do\n"
        "  docmill run invoices --local    offline and free; records go to out/\n"
        "  docmill run invoices            with Mistral's models; needs MISTRAL_API_KEY, set in the"
        " environment or in .env"
    )
