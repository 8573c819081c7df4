"""Settings for where documents come from."""

from pydantic import Field

from schemas.flow.spec import Spec

DOCUMENT_PATTERNS = tuple(
    f"*.{suffix}"
    for suffix in (
        *(
            "pdf",
            "png",
            "jpg",
            "jpeg",
            "tif",
            "tiff",
            "webp",
            "gif",
            "bmp",
            "xml",
            "avif",
            "heic",
            "heif",
        ),
        *("jp2", "tga", "psd", "sgi", "fli", "ppm", "pgm", "pbm", "pcx", "dib", "ico"),
    )
)
"""Usual names of documents. The type of a file is decided by its content."""


class FolderSource(Spec):
    """A folder of files."""

    folder: str = Field(description="Folder to read, relative to flows.yaml.")
    match: tuple[str, ...] = Field(
        DOCUMENT_PATTERNS,
        min_length=1,
        strict=False,
        description="Glob patterns of file names to process; case does not matter.",
    )
    recursive: bool = Field(False, description="Include sub-folders.")
