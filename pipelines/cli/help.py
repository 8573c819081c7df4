"""Help pages of the command line: whole lines, plain names, and commands imported on demand."""

import importlib
import inspect
from difflib import get_close_matches
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from pipelines.cli.commands import COMMANDS, Group
from schemas.errors import ExitCode


class PlainCommand(TyperCommand):
    """A command whose help shows names as they are typed, without Python types."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002 - given by typer
        arguments = [_name(each) for each in self.params if each.param_type_name == "argument"]
        return ["[OPTIONS]", *arguments]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        _write_parameters(self.get_params(ctx), formatter)


class CommandsOnDemand(TyperGroup):
    """Imports a command when it is used. Lists and completions are made from COMMANDS alone."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - given by typer
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - given by typer
        """The name and summary only; `resolve_command` gives the command itself."""
        if cmd_name not in COMMANDS:
            return None
        return TyperCommand(cmd_name, help=COMMANDS[cmd_name].summary)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, *rest = args
        if name in COMMANDS:
            return name, load_command(name), rest
        if not ctx.resilient_parsing:  # as it is while a shell completes
            nearest = get_close_matches(name, COMMANDS, n=1)
            ctx.fail(
                f"No such command {name!r}. "
                + (f"Did you mean {nearest[0]!r}?" if nearest else "`docmill --help` lists them.")
            )
        return None, None, rest

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            typer.echo("docmill: interrupted", err=True)
            raise typer.Exit(ExitCode.INTERRUPTED) from None

    def format_options(self, ctx: Any, formatter: Any) -> None:
        width = max(map(len, COMMANDS))
        for group in Group:
            with formatter.section(group):
                formatter.write_dl(
                    [
                        (name.ljust(width), command.summary)
                        for name, command in COMMANDS.items()
                        if command.group is group
                    ]
                )
        _write_parameters(self.get_params(ctx), formatter)


def load_command(name: str) -> Any:
    """Command NAME, ready to be called. Its help is its summary and the function's docstring."""
    command = COMMANDS[name]
    module, _, attribute = command.function.partition(":")
    function = getattr(importlib.import_module(module), attribute)
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    details = inspect.getdoc(function) or ""
    single.command(name, cls=PlainCommand, help=f"{command.summary}\n\n{details}".strip())(function)
    return typer.main.get_command(single)


def _write_parameters(parameters: list[Any], formatter: Any) -> None:
    for title, kind in (("Arguments", "argument"), ("Options", "option")):
        rows = [
            (_name(each), _description(each))
            for each in parameters
            if each.param_type_name == kind and not each.hidden
        ]
        if rows:
            with formatter.section(title):
                formatter.write_dl(rows)


def _name(parameter: Any) -> str:
    """`FLOW`, `-f, --file FILE` or `--prefect / --no-prefect`."""
    metavar = parameter.metavar or parameter.name.upper().replace("_", "-")
    if parameter.param_type_name == "argument":
        return str(metavar)
    names = ", ".join(sorted(parameter.opts, key=len))
    if parameter.is_flag or parameter.count:
        return " / ".join([names, *parameter.secondary_opts])
    return f"{names} {metavar}"


def _description(parameter: Any) -> str:
    default = parameter.default
    if isinstance(default, str | int) and default and not parameter.is_flag:
        return f"{parameter.help} Default: {default}."
    return str(parameter.help or "")
