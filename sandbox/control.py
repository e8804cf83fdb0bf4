"""The sandbox's own page and its JSON API below /control/, for demonstrations and drills."""

import json
from typing import Any

from aiohttp import web

from sandbox.world import World


def pretty(value: Any) -> str:
    """Print JSON for people."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def routes(world: World) -> list[web.RouteDef]:
    """List the routes of the control API."""
    return []
