"""Detection of a configured Prefect API, without importing Prefect, which takes two seconds."""

import os
import tomllib
from pathlib import Path

from schemas.errors import StateError

_QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # the default, 20 s, is too short for a first start on a slow machine
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "90",
    # docmill says itself what goes on; the server gets every line
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "WARNING",
    # a busy SQLite server answers so; its calls may be repeated
    "PREFECT_CLIENT_RETRY_EXTRA_CODES": "408,500",
}


def prefect_is_configured() -> bool:
    """True when PREFECT_API_URL is set, or the active profile of ~/.prefect/profiles.toml sets
    it."""
    return prefect_api_url() is not None


def prefect_api_url() -> str | None:
    """As Prefect itself looks: the environment, then the active profile. None when neither names
    one."""
    if "PREFECT_API_URL" in os.environ:
        return os.environ["PREFECT_API_URL"] or None
    home = Path(os.environ.get("PREFECT_HOME") or "~/.prefect").expanduser()
    place = Path(os.environ.get("PREFECT_PROFILES_PATH") or home / "profiles.toml").expanduser()
    try:
        profiles = tomllib.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    active = os.environ.get("PREFECT_PROFILE") or profiles.get("active")
    profile = profiles.get("profiles", {}).get(active, {})
    url = profile.get("PREFECT_API_URL") if isinstance(profile, dict) else None
    return url if isinstance(url, str) and url else None


def refuse_silent_api(otherwise: str = "") -> None:
    """`otherwise` is what else a person may do. Raises StateError when an API is configured and
    nothing answers there, before Prefect tries for a minute."""
    import httpx  # noqa: PLC0415 - this module is imported by every `docmill run`

    url = prefect_api_url()
    if url is None:
        return
    try:
        httpx.get(
            f"{url.rstrip('/')}/health", timeout=10
        )  # any answer will do: Prefect Cloud wants a key here
    except httpx.HTTPError as error:
        raise StateError(
            f"the Prefect API at {url} does not answer ({type(error).__name__}); start it, "
            f"or correct PREFECT_API_URL{otherwise}"
        ) from error


def prepare_prefect() -> None:
    """Set what docmill wants of Prefect where the user has said nothing: no telemetry. Call before
    the first import of Prefect."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
