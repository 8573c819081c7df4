"""Worker process, `python -m tasks.documents.worker`: requests on stdin, answers on stdout.

Ends with its parent.

All pixel work happens here, where a hostile file can kill only this process.
"""

import json
import os
import signal
import sys
import threading
from collections import OrderedDict
from pathlib import Path
from queue import SimpleQueue
from typing import Any, BinaryIO

from schemas.document import Document
from schemas.errors import DocumentError, LimitError, UnreadableError, WorkerError
from tasks.documents.identify import PDF
from tasks.documents.pool import frames as wire
from tasks.documents.sketch import PageSketch
from tasks.documents.visit import OpenFile, VisitRequest
from tasks.documents.worker.confinement import keep_freed_memory, limit_memory
from tasks.documents.worker.pdf import PdfFile

OPEN_DOCUMENTS = 4  # kept open, least recently used goes first
_PIPE_BYTES = 1 << 20  # a page image fits, so that the next page is begun while the parent reads


class Worker:
    """Documents that are open here, and what can be asked about them."""

    def __init__(self, *, max_megapixels: int, passwords: tuple[str, ...]) -> None:
        self._max_megapixels, self._passwords = max_megapixels, passwords
        self._open: OrderedDict[str, OpenFile] = OrderedDict()

    def answer(self, request: dict[str, Any]) -> wire.Frame:
        # A Path, not text: pydantic refuses text with the bytes that Linux allows in names and
        # UTF-8 does not.
        document = Document.model_validate(
            {**request["document"], "path": Path(request["document"]["path"])}
        )
        file = self._file(document)
        if request["ask"] == "open":
            return wire.Frame({"info": file.info().model_dump(mode="json")})
        if request["ask"] == "attachments":
            attached = file.attachments()
            return wire.Frame(
                {"attachments": [(name, len(data)) for name, data in attached]},
                b"".join(data for _, data in attached),
            )
        if request["ask"] == "sketch":
            return wire.Frame(
                {}, json.dumps([_sketched(file, number) for number in request["pages"]]).encode()
            )
        visit = file.visit(VisitRequest(**request["visit"]))
        header: dict[str, Any] = {}
        payload = b""
        if visit.image:
            header["image"] = [len(visit.image.data), *visit.image[1:]]
            payload = visit.image.data
        if visit.page:
            header["kind"] = visit.page.kind
            payload += visit.page.model_dump_json().encode()
        return wire.Frame(header, payload)

    def forget(self, document_id: str) -> None:
        file = self._open.pop(document_id, None)
        if file is not None:
            file.close()

    def _file(self, document: Document) -> OpenFile:
        file = self._open.get(document.document_id)
        if file is None:
            while len(self._open) >= OPEN_DOCUMENTS:
                self._open.popitem(last=False)[1].close()
            file = self._opened(document)
            self._open[document.document_id] = file
        self._open.move_to_end(document.document_id)
        return file

    def _opened(self, document: Document) -> OpenFile:
        try:
            size_bytes = document.path.stat().st_size
        except OSError as error:
            raise UnreadableError(
                f"the file cannot be opened any more: {error.strerror or type(error).__name__}"
            ) from error
        if size_bytes != document.size_bytes:
            raise UnreadableError(
                "the file has changed since it was found; the next run will process the new content"
            )
        if document.media_type == PDF:
            return PdfFile(document.path, self._passwords)
        # a run over PDFs alone needs no image readers
        from tasks.documents.worker.picture import PictureFile  # noqa: PLC0415

        return PictureFile(document.path, document.media_type, self._max_megapixels)


def _sketched(file: OpenFile, page_number: int) -> PageSketch | None:
    """None for a page that cannot be read; a visit says why."""
    try:
        return file.sketch(page_number)
    except DocumentError:
        return None


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints must not end up among the answers
    if sys.platform == "linux":
        import fcntl  # noqa: PLC0415  not there on Windows

        fcntl.fcntl(answers, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    requests: SimpleQueue[wire.Frame] = SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, requests), daemon=True).start()
    settings = requests.get().header
    keep_freed_memory()
    limit_memory(settings["memory_mb"])
    worker = Worker(
        max_megapixels=settings["max_megapixels"], passwords=tuple(settings["passwords"])
    )
    _send(answers, wire.Frame({"ready": True}))
    while True:
        request = requests.get().header
        _send(answers, _answer(worker, request))


def _answer(worker: Worker, request: dict[str, Any]) -> wire.Frame:
    try:
        return worker.answer(request)
    except DocumentError as error:
        return _failure(error)
    except MemoryError:
        return _failure(
            LimitError("reading needs more memory than a worker may use (`render.memory_mb`)")
        )
    except Exception as error:  # noqa: BLE001
        # the process border: a bug of ours costs one page and is named
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = (
            f"{Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}" if place else "?"
        )
        return _failure(
            WorkerError(
                f"reading it failed ({type(error).__name__} at {where}); this is a bug in docmill"
            )
        )


def _failure(error: DocumentError) -> wire.Frame:
    return wire.Frame({"error": {"code": error.code, "message": error.message}})


def _listen(stream: BinaryIO, requests: "SimpleQueue[wire.Frame]") -> None:
    """Its own thread, so that a worker that is busy with an endless page ends too when its parent
    is gone."""
    while frame := wire.read(stream):
        requests.put(frame)
    os._exit(0)


def _send(stream: Any, frame: wire.Frame) -> None:
    left = memoryview(wire.encode(frame))
    while left:
        left = left[stream.write(left) :]


if __name__ == "__main__":
    main()
