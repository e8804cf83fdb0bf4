"""Ceffu of the sandbox: a custodian with one Prime wallet that answers signed reads."""

from sandbox.ceffu.routes import routes
from sandbox.ceffu.state import Ceffu, Settings

__all__ = ["NAME", "Ceffu", "Settings", "credentials", "describe", "routes"]

NAME = "ceffu"


def describe(url: str, state: Ceffu) -> dict[str, list[dict[str, str]]]:
    """Return the `[[custodians]]` section of the reference data for a sandbox whose HTTP root is `url`."""
    return {"custodians": [{"name": NAME, "protocol": "ceffu", "url": url.rstrip("/")}]}


def credentials(state: Ceffu) -> dict[str, dict[str, str]]:
    """Return the credentials of the custodian's client under its name."""
    return {NAME: state.credentials()}
