"""The command `docmill`, also as `python -m docmill`."""

from typing import NoReturn


def main() -> NoReturn:
    """Importing `docmill` has looked for foreign packages before anything of them is run."""
    from pipelines import cli  # noqa: PLC0415 - see above

    cli.main()


if __name__ == "__main__":
    main()
