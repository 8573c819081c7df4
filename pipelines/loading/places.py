"""Locations of a project's ledger and of its blobs."""

import os
from pathlib import Path

from schemas.flow import FlowFile

DEFAULT_STORE = ".docmill/store"


def state_url(flow_file: FlowFile) -> str | None:
    """Database URL; None: SQLite in .docmill/ beside flows.yaml. DOCMILL_STATE in the environment
    goes first."""
    return os.environ.get("DOCMILL_STATE") or flow_file.state


def store_url(flow_file: FlowFile, folder: Path) -> str:
    """Fsspec URL, or the absolute path of a folder; relative ones resolve against `folder`, that of
    flows.yaml."""
    store = flow_file.store or DEFAULT_STORE
    return store if "://" in store else str(folder / store)
