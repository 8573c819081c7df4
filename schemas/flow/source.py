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
"""Names that documents usually have. What a file really is, its content tells."""


class FolderSource(Spec):
    """Files of a folder."""

    folder: str = Field(description="Folder to read, relative to flows.yaml.")
    match: tuple[str, ...] = Field(
        DOCUMENT_PATTERNS,
        min_length=1,
        strict=False,
        description="Glob patterns of names to take; case does not matter.",
    )
    recursive: bool = Field(False, description="Also look into sub-folders.")
