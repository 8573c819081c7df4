"""`docmill documents [FLOW]`: the documents in the ledger, one line each."""

import json
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.display.text_table import print_rows
from pipelines.display.wording import counted
from schemas.record import ErrorInfo, Status

if TYPE_CHECKING:
    from tasks.ledger.documents.listing import DocumentRow


def documents(
    flow: Annotated[
        str | None, typer.Argument(help="Only the documents of this flow.", metavar="[FLOW]")
    ] = None,
    status: Annotated[
        Status | None, typer.Option("--status", help="Only documents with this status.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("-f", "--file", help="The flows.yaml to use.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout.")
    ] = False,
) -> None:
    """List the documents that were worked on, latest change first, with their status and the reason
    of a failure. Changes nothing."""
    # `docmill --help` must not import it
    from pipelines.loading import find_flow_file, load_project  # noqa: PLC0415
    from pipelines.loading.places import state_url  # noqa: PLC0415
    from tasks.ledger.documents.listing import listing  # noqa: PLC0415
    from tasks.ledger.read_only import LedgerView  # noqa: PLC0415

    project = load_project(find_flow_file(file))
    if flow is not None:
        project.flow(flow)  # refuses an unknown one
    with LedgerView(state_url(project.flow_file), project.folder) as view:
        rows = view.read(lambda connection: listing(connection, flow=flow, status=status)) or ()
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
            "the ledger knows no such document"
            if flow or status
            else "the ledger knows no document yet"
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


def document_json(row: "DocumentRow") -> dict[str, Any]:
    """One entry of `--json`. `attempts` counts the runs that ended in `failed` since the last
    success or `docmill retry`."""
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


def _status(row: "DocumentRow") -> str:
    return "in work" if row.in_work else row.status.replace("_", " ")


def _cells(row: "DocumentRow") -> tuple[str, ...]:
    name = Path(row.path).name if row.path else "(forgotten)"
    return (
        name,
        row.document_id[:12],
        row.flow,
        _status(row),
        "" if row.in_work else row.error_code or "",
        str(row.pages or ""),
    )
