"""Whether an existing file may be overwritten with an output.

A file that docmill did not make is refused. One that holds documents which this ledger does not
know (another ledger, one that was lost, an emptied one) is kept beside the new one, so that no
output is ever shortened. Documents that were forgotten are still known by their ids.
"""

import logging
import os
import shutil
import stat
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

from sqlalchemy import Connection, select

from schemas.errors import StateError
from tasks.ledger.connection.tables import documents

log = logging.getLogger("docmill")

IDS_AT_ONCE = 200


class NotMadeByDocmillError(ValueError):
    """The content is no output of docmill."""


def refuse_other_than_files(place: Path) -> None:
    """Raises StateError for a device, a pipe or a folder at the place of a file."""
    try:
        mode = place.stat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise StateError(f"{place}: is not a regular file, so no output is written there.")


def keep_unknown(connection: Connection, place: Path, held: Iterator[str]) -> Path | None:
    """Keeps `place` under another name when one of the documents `held` in it is unknown here.

    Raises StateError when docmill did not make it, and OSError.
    """
    try:
        if not _holds_unknown(connection, held):
            return None
    except (NotMadeByDocmillError, UnicodeDecodeError):
        raise StateError(
            f"{place}: was not made by docmill, so it is not overwritten. "
            "Move it away, or name another file under `write` in flows.yaml, and run again: "
            "all records are safe in the ledger."
        ) from None
    except FileNotFoundError:
        return None
    kept = _keep(place.resolve())
    log.warning(
        "%s held documents that this ledger does not know; it is kept as %s", place, kept.name
    )
    return kept


def _holds_unknown(connection: Connection, held: Iterator[str]) -> bool:
    while ids := set(islice(held, IDS_AT_ONCE)):
        known = select(documents.c.document_id).where(documents.c.document_id.in_(ids)).distinct()
        if len(connection.execute(known).all()) < len(ids):
            return True
    return False


def _keep(place: Path) -> Path:
    for number in count(1):
        kept = place.with_name(f"{place.stem}.kept-{number}{place.suffix}")
        try:
            os.link(place, kept)
        except FileExistsError:
            continue
        except OSError:  # a file system without links
            if os.path.lexists(kept):
                continue
            shutil.copy2(place, kept)
        return kept
    raise AssertionError("numbers are endless")
