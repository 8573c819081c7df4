"""Webhook notification when a run needs a person.

Once per run: counts, spending and a link, never document text.
"""

import asyncio
import logging
import os
from typing import Any

from pipelines.running.result import RunResult
from schemas.flow.deployment import NotifySpec
from schemas.record import Status

log = logging.getLogger("docmill")
_ATTEMPTS = 3
_TIMEOUT_SECONDS = 10.0


def needs_telling(spec: NotifySpec, result: RunResult) -> bool:
    """A run that was stopped always needs a person."""
    if spec.when == "always" or result.stopped_by is not None:
        return True
    telling = {Status.FAILED} if spec.when == "failed" else {Status.FAILED, Status.NEEDS_REVIEW}
    return any(document.status in telling for document in result.results)


def notice(result: RunResult, link: str | None) -> dict[str, Any]:
    """What is posted. `text` is what Slack, Mattermost and Teams show; the rest is for programs."""
    counts = {
        status.value: sum(document.status is status for document in result.results)
        for status in Status
    }
    said = (
        ", ".join(
            f"{count} {status.replace('_', ' ')}" for status, count in counts.items() if count
        )
        or "no documents"
    )
    stopped = f" Stopped: {result.stopped_by.code}." if result.stopped_by is not None else ""
    return {
        "text": f"docmill {result.flow}: {said}.{stopped}{f' {link}' if link else ''}",
        "flow": result.flow,
        "run_id": result.run_id,
        "documents": counts,
        "stopped_by": None if result.stopped_by is None else result.stopped_by.code,
        "tokens": result.usage.tokens,
        "cost": result.usage.cost,
        "link": link,
    }


async def notify(
    spec: NotifySpec, result: RunResult, *, link: str | None = None, pause_seconds: float = 2.0
) -> bool:
    """Post the notice when the run needs a person, three times at most; False when nobody was told.
    Never raises: the run itself is done.

    The address is a secret and is in no message.
    """
    import httpx  # noqa: PLC0415 - only for flows with `notify`

    if not needs_telling(spec, result):
        return False
    url = os.environ.get(spec.webhook_env)
    if not url:
        log.warning("notify: %s is not set; no notification was sent", spec.webhook_env)
        return False
    reason = ""
    async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS) as client:
        for attempt in range(_ATTEMPTS):
            if attempt:
                await asyncio.sleep(pause_seconds)
            try:
                response = await client.post(url, json=notice(result, link))
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                reason = type(error).__name__
                continue
            if response.is_success:
                return True
            reason = f"status {response.status_code}"
    log.warning(
        "notify: the webhook in %s rejected the notification (%s)", spec.webhook_env, reason
    )
    return False
