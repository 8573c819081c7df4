"""Location of the database: SQLite in `.docmill/` beside flows.yaml, or PostgreSQL by URL."""

from pathlib import Path, PurePath

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from schemas.errors import MissingExtraError, StateError

STATE_FOLDER = ".docmill"
LEDGER_FILE = "ledger.db"
MOUNTS = Path(
    "/proc/self/mountinfo"
)  # Linux only; elsewhere a network file system is not recognised
NETWORK_FILE_SYSTEMS = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "fuse.ceph",
        "fuse.glusterfs",
        "fuse.s3fs",
        "fuse.sshfs",
        "gfs2",
        "glusterfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "smb3",
        "smbfs",
    }
)


def database_url(state_url: str | None, folder: Path) -> URL:
    """The database of the project in `folder` (that of flows.yaml). Makes the private folder (0700)
    of a SQLite file.

    Raises StateError for a URL that is not understood, for SQLite on a network file system (its
    locks do not hold there) and for a folder that cannot be made; MissingExtraError when PostgreSQL
    is asked for without its driver.
    """
    if state_url is None:
        return _sqlite_url(folder / STATE_FOLDER / LEDGER_FILE)
    try:
        url = make_url(state_url)
    except ArgumentError as exc:
        raise StateError(
            "`state` is not a database URL; write postgresql://USER@HOST/DATABASE, or "
            "leave it out for SQLite"
        ) from exc
    if url.get_backend_name() == "sqlite":
        if not url.database or url.database == ":memory:":
            raise StateError(
                "`state: sqlite://` needs a file: sqlite:///ledger.db (relative to "
                "flows.yaml) or sqlite:////absolute/ledger.db"
            )
        return _sqlite_url(folder / url.database)
    if url.drivername in ("postgresql", "postgresql+psycopg"):
        _require_psycopg()
        return url.set(drivername="postgresql+psycopg")
    raise StateError(
        f"`state`: {url.drivername} is not supported; use SQLite (leave `state` out) or "
        "postgresql://USER@HOST/DATABASE"
    )


def private_folder(folder: Path) -> Path:
    """Makes `folder` for this user alone: it holds what documents say."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise StateError(
            f"{folder}: cannot make this folder ({exc.strerror}); docmill keeps its ledger "
            "there. Nothing was run."
        ) from exc
    return folder


def _sqlite_url(file: Path) -> URL:
    private_folder(file.parent)
    kind = file_system(file.parent.resolve())
    if kind in NETWORK_FILE_SYSTEMS:
        raise StateError(
            f"{file}: this is a network file system ({kind}), where SQLite's locks do not hold. "
            "Set `state: postgresql://USER@HOST/DATABASE` in flows.yaml or DOCMILL_STATE, "
            "or keep the project on a local disk. Nothing was run."
        )
    return URL.create("sqlite", database=str(file))


def file_system(folder: Path) -> str | None:
    """Type of the file system that holds `folder` (resolved), as Linux names it; None when it
    cannot be told."""
    try:
        lines = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    found: tuple[int, str | None] = (-1, None)
    for line in (
        lines
    ):  # man proc_pid_mountinfo: mount point is field 5 (octal escapes), the type follows " - "
        fields, _, rest = line.partition(" - ")
        point = PurePath(
            fields.split()[4].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
        )
        depth = len(point.parts)
        if depth >= found[0] and (
            point == folder or point in folder.parents
        ):  # of two mounts at one point the later one shows
            found = depth, rest.split()[0]
    return found[1]


def _require_psycopg() -> None:
    try:
        # the optional driver, only looked for when it is needed
        import psycopg  # noqa: F401, PLC0415
    except ImportError as exc:
        raise MissingExtraError("PostgreSQL", "postgres") from exc
