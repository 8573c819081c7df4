"""Passwords for encrypted PDFs.

flows.yaml names an environment variable or a file; it never contains the password.
"""

import os
from pathlib import Path

from schemas.errors import CallError
from schemas.flow import RenderSettingsSpec


def passwords_of(settings: RenderSettingsSpec, folder: Path) -> tuple[str, ...]:
    """One password a line, first those of `passwords_env`, then those of `passwords_file` (relative
    to `folder`); each once.

    An unset variable means none. Raises CallError when the file cannot be read.
    """
    lines: list[str] = []
    if settings.passwords_env is not None:
        lines += os.environ.get(settings.passwords_env, "").splitlines()
    if settings.passwords_file is not None:
        path = folder / settings.passwords_file
        try:
            lines += path.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise CallError(
                f"{path}: render.passwords_file cannot be read: {reason}; nothing was run"
            ) from error
    return tuple(dict.fromkeys(line for line in lines if line))
