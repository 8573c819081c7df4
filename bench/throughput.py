"""How close to the ideal is a run? 100 documents and one 500-page PDF against a local server that
answers after 300 ms.

    python -m bench.throughput                 # both, 32 requests in flight
    python -m bench.throughput --runs 3 --pdf-folder invoices/

Ideal = ceil(requests / in flight) x latency: what a run would take if rendering, imports and
sending cost nothing. The documents are the PDFs of --pdf-folder, taken in turn and made different
by a comment behind their end; without the folder, PDFs written here. Prints one row a run: wall,
wall / ideal, CPU per page, peak memory of the whole process tree.
"""

import argparse
import json
import math
import os
import sys
import tempfile
from pathlib import Path

from bench.process_tree import Measured, measure
from tests.support.documents import make_pdf
from tests.support.fake_mistral.process import FakeMistralProcess

LATENCY_SECONDS = 0.3
IN_FLIGHT = 32

FLOWS = """\
version: 1
providers:
  mistral: {limits: {concurrency: 32}}
models:
  vision: [pixtral-large-latest]
  text: [mistral-large-latest]
flows:
  pages:
    steps:
      - render: {}
      - extract: {model: vision, max_tokens: 1000}
      - write: {jsonl: out/pages.jsonl}
    budget: {tokens: 100000000, per: total}
    concurrency: {documents: 32, pages: 40}
"""


def make_documents(folder: Path, count: int, pdf_folder: Path | None) -> int:
    """Write `count` documents with different bytes; returns their number of pages."""
    import pypdfium2

    samples = sorted(pdf_folder.glob("*.pdf")) if pdf_folder else []
    folder.mkdir(parents=True)
    pages = 0
    for number in range(count):
        path = folder / f"invoice-{number:03}.pdf"
        data = (
            samples[number % len(samples)].read_bytes()
            if samples
            else make_pdf(1, path).read_bytes()
        )
        path.write_bytes(data + b"\n%% copy %d\n" % number)
        with pypdfium2.PdfDocument(path) as pdf:
            pages += len(pdf)
    return pages


def make_project(root: Path, title: str, count: int, pdf_folder: Path | None) -> tuple[Path, int]:
    """A folder with flows.yaml and an inbox, and its number of pages: `count` documents, or for 1
    the one of 500 pages."""
    project = root / title.replace(" ", "-")
    project.mkdir()
    (project / "flows.yaml").write_text(FLOWS)
    if count > 1:
        return project, make_documents(project / "inbox", count, pdf_folder)
    (project / "inbox").mkdir()
    make_pdf(500, project / "inbox" / "long.pdf")
    return project, 500


def run_once(project: Path, paths: str, url: str, *more: str) -> Measured:
    environment = {**os.environ, "MISTRAL_BASE_URL": url, "MISTRAL_API_KEY": "bench-key"}
    command = [
        sys.executable,
        "-m",
        "pipelines.cli",
        "run",
        "pages",
        paths,
        "-f",
        str(project / "flows.yaml"),
        "--no-prefect",
        "--json",
        *more,
    ]
    return measure(command, env=environment, cwd=project)


def report(title: str, measured: Measured, requests: int, pages: int) -> None:
    ideal = math.ceil(requests / IN_FLIGHT) * LATENCY_SECONDS
    ratio = f"{measured.wall_seconds / ideal:6.2f}" if requests else "     -"
    cpu_ms = 1000 * measured.cpu_seconds / pages
    print(
        f"{title:<34} wall {measured.wall_seconds:6.2f} s   wall/ideal {ratio}   CPU "
        f"{cpu_ms:6.1f} ms/page   "
        f"peak {measured.peak_rss_mb:5.0f} MB   requests {requests}   exit {measured.exit_code}"
    )


def sent_since(server: FakeMistralProcess, before: int) -> int:
    return len(server.log()) - before


def measure_case(
    title: str, project: Path, paths: str, pages: int, server: FakeMistralProcess
) -> None:
    """A first run, a second (all skipped) and one with --again (all answers from the cache)."""
    for name, more in (("first", ()), ("second", ()), ("--again", ("--again",))):
        before = len(server.log())
        measured = run_once(project, paths, server.url, *more)
        report(f"{title}, {name}", measured, sent_since(server, before), pages)
        if measured.exit_code:
            print(measured.output[-2000:])
            raise SystemExit(1)
        statuses = [
            document["status"]
            for document in json.loads(
                measured.output[measured.output.index("{") :].rpartition("}")[0] + "}"
            )["documents"]
        ]
        print(
            f"{'':<34} "
            + ", ".join(f"{statuses.count(status)} {status}" for status in sorted(set(statuses)))
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--pdf-folder", type=Path)
    options = parser.parse_args()
    for _ in range(options.runs):
        with tempfile.TemporaryDirectory() as scratch:
            root = Path(scratch)
            with FakeMistralProcess(
                root / "server.jsonl", latency=LATENCY_SECONDS, validate=False
            ) as server:
                for title, count in (("100 documents", 100), ("one 500-page PDF", 1)):
                    project, pages = make_project(root, title, count, options.pdf_folder)
                    measure_case(f"{title} ({pages} pages)", project, "inbox", pages, server)


if __name__ == "__main__":
    main()
