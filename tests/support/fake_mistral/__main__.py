"""`python -m tests.support.fake_mistral --port 8700 --latency 0.3 --log requests.jsonl --fault
500=0.1`: prints its URL as JSON, then serves."""

import argparse
import asyncio
import contextlib
import json
import signal
from pathlib import Path

from tests.support.fake_mistral.answers import Known
from tests.support.fake_mistral.replies import FAULTS
from tests.support.fake_mistral.server import Behaviour, FakeMistral


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--log", type=Path, help="JSON lines, one a request")
    parser.add_argument(
        "--no-validate",
        action="store_true",
        help="skip the check against the OpenAPI document (for benchmarks)",
    )
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME=SHARE",
        help="one of " + ", ".join(FAULTS),
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--api-key", help="refuse any other key")
    parser.add_argument("--retired", action="append", default=[], metavar="MODEL=STATUS")
    parser.add_argument("--registry", type=Path, help='JSON list of {"key", "text", "record"}')
    options = parser.parse_args()
    behaviour = Behaviour(
        latency=options.latency,
        validate=not options.no_validate,
        api_key=options.api_key,
        registry=[
            Known(**entry) for entry in json.loads(options.registry.read_text(encoding="utf-8"))
        ]
        if options.registry
        else (),
        retired={
            model: int(status)
            for model, _, status in (item.partition("=") for item in options.retired)
        },
        fault_rates={
            name: float(share) for name, _, share in (item.partition("=") for item in options.fault)
        },
        seed=options.seed,
        log_file=options.log,
    )
    server = FakeMistral(behaviour, port=options.port)
    server.keep_bodies = False
    asyncio.run(_serve(server))


async def _serve(server: FakeMistral) -> None:
    serving = asyncio.create_task(server.serve())
    await server.started()
    print(json.dumps({"url": server.url}), flush=True)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    with contextlib.suppress(asyncio.CancelledError):
        await serving


if __name__ == "__main__":
    main()
