"""`docmill documents [FLOW]`: the documents in the ledger, one line each."""

import json
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.cli.options import FlowFileOption, Json, OneFlow, project_of
from pipelines.display.text_table import print_rows
from pipelines.display.wording import counted
from schemas.record import ErrorInfo, Status
from tasks.ledger.documents.listing import DocumentRow


def documents(
    flow: OneFlow = None,
    status: Annotated[
        Status | None,
        typer.Option("--status", metavar="STATUS", help=f"Only these: {', '.join(Status)}."),
    ] = None,
    file: FlowFileOption = None,
    as_json: Json = False,
) -> None:
    """The latest change comes first. Nothing is changed."""
    project = project_of(file, flow)
    with project.ledger() as ledger:
        rows = ledger.documents(flow, status)
    if as_json:
        sys.stdout.write(
            json.dumps(
                {"documents": [document_json(row) for row in rows]}, ensure_ascii=False, indent=2
            )
            + "\n"
        )
        return
    if not rows:
        typer.echo(
            "no such document in the ledger" if flow or status else "no documents in the ledger yet"
        )
        return
    print_rows(
        ("document", "id", "flow", "status", "reason", "pages"),
        [_cells(row) for row in rows],
        left=5,
    )
    counts = Counter(_status(row) for row in rows)
    typer.echo(
        f"\n{counted(len(rows), 'document')}: "
        f"{', '.join(f'{count} {name}' for name, count in counts.items())}"
    )


def document_json(row: DocumentRow) -> dict[str, Any]:
    """One entry of `--json`.

    `attempts` counts the failures since the last success or `docmill retry`.
    """
    return {
        "flow": row.flow,
        "document_id": row.document_id,
        "path": row.path,
        "status": row.status,
        "pages": row.pages,
        "confidence": row.confidence,
        "error": None
        if row.error_code is None
        else ErrorInfo(code=row.error_code, message=row.error_message or "").model_dump(),
        "attempts": row.attempts,
        "in_work": row.in_work,
        "updated_at": datetime.fromtimestamp(row.updated_at, UTC).isoformat(timespec="seconds"),
    }


def _status(row: DocumentRow) -> str:
    return "in work" if row.in_work else row.status.replace("_", " ")


def _cells(row: DocumentRow) -> tuple[str, ...]:
    name = Path(row.path).name if row.path else "(forgotten)"
    return (
        name,
        row.document_id[:12],
        row.flow,
        _status(row),
        "" if row.in_work else row.error_code or "",
        str(row.pages or ""),
    )
