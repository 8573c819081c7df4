"""The command line: its sub-commands, and error messages when one fails.

A sub-command NAME is the function NAME in pipelines/cli/NAME.py, imported when it is asked for, so
that each starts fast. To add one, add its file and its name in COMMANDS.
"""

import importlib
import sys
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from schemas.errors import DocmillError, ExitCode, FlowFileError

COMMANDS = (
    "run",
    "check",
    "init",
    "schema",
    "deploy",
    "serve",
    "watch",
    "plan",
    "usage",
    "documents",
    "retry",
    "forget",
    "cache",
)


class _CommandsOnDemand(TyperGroup):
    """Imports a sub-command when it is run, and all of them for `--help` or a misspelt name."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - given by typer
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - given by typer
        for name in (cmd_name,) if cmd_name in COMMANDS else COMMANDS:
            if name not in self.commands:
                self.commands[name] = _command(name)
        return self.commands.get(cmd_name)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            typer.echo("docmill: interrupted", err=True)
            raise typer.Exit(ExitCode.INTERRUPTED) from None


def _command(name: str) -> Any:
    module_name = name.replace("-", "_")
    function = getattr(importlib.import_module(f"pipelines.cli.{module_name}"), module_name)
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(name)(function)
    return typer.main.get_command(single)


app = typer.Typer(
    cls=_CommandsOnDemand, add_completion=False, rich_markup_mode=None, no_args_is_help=True
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 - only for this option

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
    """A few lines of YAML turn invoices into checked records, by Mistral's models or offline.

    Exit codes: 0 done; 1 some documents failed; 2 flows.yaml or the call is wrong; 3 a budget
    stopped the run; 130 interrupted.
    """


def main() -> NoReturn:
    """Entry point of `docmill`. An expected error is its message and its exit code; anything else
    is a bug, reported in three lines."""
    try:
        typer.main.get_command(app)(prog_name="docmill")
    except DocmillError as error:
        typer.echo(
            str(error) if isinstance(error, FlowFileError) else f"docmill: {error}", err=True
        )
        _print_json_error(error.code, error)
        sys.exit(error.exit_code)
    except Exception as error:  # noqa: BLE001
        # the edge of the program: whatever else arrives here is a bug
        _report_bug(error)
        _print_json_error("internal_error", type(error).__name__)
        sys.exit(ExitCode.SOME_FAILED)
    sys.exit(ExitCode.OK)


def _print_json_error(code: str, message: object) -> None:
    """With `--json` stdout has one object in every case, so that a script reads an error as it
    reads a result."""
    if "--json" in sys.argv[1:]:
        import json  # noqa: PLC0415 - only for an error

        typer.echo(
            json.dumps({"error": {"code": code, "message": str(message)}}, ensure_ascii=False)
        )


def _report_bug(error: Exception) -> None:
    """The type and the place only: a message may hold what a document says. The whole goes to a
    file that only its owner reads."""
    import tempfile  # noqa: PLC0415 - only for a bug
    import traceback  # noqa: PLC0415

    text = "".join(traceback.format_exception(error))
    frame = traceback.extract_tb(error.__traceback__)[-1]
    typer.echo(
        f"docmill: a bug in docmill: {type(error).__name__} in "
        f"{frame.filename}:{frame.lineno}; what was finished is kept.",
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
        f"The traceback is in {file.name} (`-v` shows it here). Please report it; look "
        "first whether it names a document.",
        err=True,
    )
