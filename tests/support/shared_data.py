"""Where the larger set of real documents lies, for tests that use it; it is beside the checkout,
not in it."""

import os
from pathlib import Path

import pytest

_PLACE = Path(
    os.environ.get("DOCMILL_SHARED_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")
)
SHARED_DATA: Path | None = _PLACE if _PLACE.is_dir() else None

needs_shared_data = pytest.mark.skipif(
    SHARED_DATA is None, reason=f"the shared documents are not at {_PLACE}"
)
