"""The README's two set-up commands, read from the README itself: CI runs what is written there, not
a copy."""

import re
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"


def set_up_commands(text: str) -> list[str]:
    """The lines of the README's ```sh blocks that install the package, in order."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    return [
        line for block in blocks for line in block.splitlines() if line.startswith("pip install -e")
    ]


if __name__ == "__main__":
    print(set_up_commands(README.read_text(encoding="utf-8"))[int(sys.argv[1]) - 1])
