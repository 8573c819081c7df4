"""The command line: its entry point, and what the process prints when a command ends badly.

commands.py   which commands exist
help.py       how they are imported and shown
options.py    arguments and options that several share
NAME.py       the command NAME
"""

import json
import sys
import tempfile
import traceback
from typing import Annotated, NoReturn

import typer

from pipelines.cli.commands import COMMANDS as COMMANDS
from pipelines.cli.help import CommandsOnDemand
from schemas.errors import DocmillError, ExitCode, FlowFileError

app = typer.Typer(
    cls=CommandsOnDemand,
    rich_markup_mode=None,
    no_args_is_help=True,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 - 30 ms, for this option only

        typer.echo(f"docmill {version('docmill')}")
        raise typer.Exit


@app.callback()
def _docmill(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Turn invoices into checked records, with Mistral's models or offline.

    Exit codes: 0 done; 1 some documents failed; 2 the call or flows.yaml is wrong;
    3 a budget stopped the run; 130 interrupted.
    """


def main() -> NoReturn:
    """Entry point of `docmill`. Expected errors are a message and an exit code; others are bugs."""
    try:
        typer.main.get_command(app)(prog_name="docmill")
    except DocmillError as error:
        typer.echo(
            str(error) if isinstance(error, FlowFileError) else f"docmill: {error}", err=True
        )
        _print_json_error(error.code, error)
        sys.exit(error.exit_code)
    except Exception as error:  # noqa: BLE001 - the edge of the program: anything else is a bug
        _report_bug(error)
        _print_json_error("internal_error", type(error).__name__)
        sys.exit(ExitCode.SOME_FAILED)
    sys.exit(ExitCode.OK)


def _print_json_error(code: str, message: object) -> None:
    """With `--json`, stdout is always one object, so that a script can also read an error."""
    if "--json" in sys.argv[1:]:
        typer.echo(
            json.dumps({"error": {"code": code, "message": str(message)}}, ensure_ascii=False)
        )


def _report_bug(error: Exception) -> None:
    """Type and place; a message may hold document text. The traceback goes to a private file."""
    text = "".join(traceback.format_exception(error))
    frame = traceback.extract_tb(error.__traceback__)[-1]
    typer.echo(
        f"docmill: a bug in docmill: {type(error).__name__} in {frame.filename}:{frame.lineno}; "
        "finished documents are kept.",
        err=True,
    )
    if any(argument in ("-v", "-vv", "--verbose") for argument in sys.argv[1:]):
        typer.echo(text, err=True)
        return
    with tempfile.NamedTemporaryFile(
        "w", prefix="docmill-bug-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.write(text)
    typer.echo(
        f"The traceback is in {file.name} (`-v` shows it here). Please report it; "
        "check first that it contains no document text.",
        err=True,
    )
