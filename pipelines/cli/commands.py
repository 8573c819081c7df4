"""Table of the commands: where each is defined, its group and its line in `docmill --help`.

To add a command, write its function in a module of this folder and add one line here.
The module is imported when the command is used, so that `docmill --help` imports none.
"""

from enum import StrEnum
from typing import NamedTuple


class Group(StrEnum):
    """Headings of `docmill --help`, in the order shown."""

    START = "Start a project"
    PROCESS = "Process documents"
    LOOK = "Look at results"
    CORRECT = "Correct"
    MONEY = "Control costs"
    PLATFORM = "Run on a platform"


class Command(NamedTuple):
    """`function` is `module:name`. The function's docstring follows `summary` in the help."""

    function: str
    group: Group
    summary: str


COMMANDS = {
    "init": Command(
        "pipelines.cli.init:init", Group.START, "Make a project, ready to run, in a folder."
    ),
    "check": Command(
        "pipelines.cli.check:check",
        Group.START,
        "Check flows.yaml and show what each flow will do.",
    ),
    "schema": Command(
        "pipelines.cli.schema:schema",
        Group.START,
        "Print the JSON Schema of flows.yaml, for editors.",
    ),
    "run": Command(
        "pipelines.cli.run:run", Group.PROCESS, "Process the documents that are there now."
    ),
    "watch": Command(
        "pipelines.cli.watch:watch", Group.PROCESS, "Process files as they arrive in a folder."
    ),
    "documents": Command(
        "pipelines.cli.documents:documents",
        Group.LOOK,
        "List documents with their status and errors.",
    ),
    "retry": Command("pipelines.cli.retry:retry", Group.CORRECT, "Process failed documents again."),
    "forget": Command(
        "pipelines.cli.forget:forget", Group.CORRECT, "Remove what docmill stores about a document."
    ),
    "plan": Command(
        "pipelines.cli.plan:plan", Group.MONEY, "Estimate the cost of a run without spending."
    ),
    "usage": Command(
        "pipelines.cli.usage:usage",
        Group.MONEY,
        "Show what was spent and what is left of each budget.",
    ),
    "cache": Command(
        "pipelines.cli.cache:cache", Group.MONEY, "Show or empty the cache of model answers."
    ),
    "deploy": Command(
        "pipelines.cli.deploy:deploy",
        Group.PLATFORM,
        "Register the deployments of flows.yaml with Prefect.",
    ),
    "serve": Command(
        "pipelines.cli.serve:serve",
        Group.PLATFORM,
        "Run folder watches and schedules in one process.",
    ),
}
