"""Every address of the project, as the router has it: patterns of the pages, and paths of the sockets."""

from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, get_resolver

from hedgeapp.asgi import application

EXAMPLES = {
    "<int:seq>": "1",
    "<str:halt_id>": "h-1",
    "<str:instrument_id>": "venue:ETH-USDT-PERP",
    "<str:token>": "t-1",
    "<slug:client_order_id>": "o-1",
    "<path:content_type_id>": "999999",
    "<path:object_id>": "999999",
    "<id>": "999999",
    "<int:key_id>": "999999",
    "<int:secret_id>": "999999",
    "<slug:break_id>": "b-1",
    "<slug:custodian>": "nobody",
    "<slug:move_id>": "mv-1",
    "<slug:action>": "take",
    "<slug:part>": "policy",
    "<slug:change_id>": "policy-1",
    "<app>": "marketdata",
    "<rest>": "nothing",
}


def patterns() -> list[str]:
    """Return the pattern of each page, from the root on."""
    return sorted(set(_below("/", get_resolver().url_patterns)))


def sockets() -> list[str]:
    """Return the path of each WebSocket."""
    return sorted(_routed(application.application_mapping["websocket"]))


def example(pattern: str, **given: str) -> str:
    """Return a path that a pattern takes; what it stands for need not exist."""
    for name, value in {**EXAMPLES, **{f"<{name}>": value for name, value in given.items()}}.items():
        pattern = pattern.replace(name, value)
    return pattern


def _routed(inner: Any) -> Iterator[str]:
    while not hasattr(inner, "routes"):
        found = getattr(inner, "application", None) or getattr(inner, "inner", None)
        if found is None:
            return
        inner = found
    for route in inner.routes:
        if str(route.pattern):
            yield f"/{route.pattern}"
        else:
            yield from _routed(route.callback)


def _below(root: str, found: list[Any]) -> Iterator[str]:
    for one in found:
        path = root + _plain(str(one.pattern))
        if isinstance(one, URLPattern):
            yield path
        else:
            yield from _below(path, one.url_patterns)


def _plain(pattern: str) -> str:
    if "(?P<app_label>" in pattern:  # the admin's page of each app
        return "<app>/"
    return "<rest>" if "(?P<url>" in pattern else pattern
