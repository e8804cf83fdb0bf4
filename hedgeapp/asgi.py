"""ASGI: static files, pages and the API over HTTP, the live screen and prices over WebSockets."""

import os
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hedgeapp.settings")
django.setup(set_prefix=False)

# Models are ready from here on.
from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402
from django.urls import path, re_path  # noqa: E402

from hedgeapp.pages import PagesHandler, with_static_files  # noqa: E402
from portfolio.consumers import LaddersConsumer, LiveConsumer, PricesConsumer  # noqa: E402


async def _nowhere(_scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.close"})


_NOWHERE: Any = _nowhere  # Django's types know views only

_OF_PEOPLE: Any = AllowedHostsOriginValidator(
    AuthMiddlewareStack(
        URLRouter(
            [
                path("live/", LiveConsumer.as_asgi()),
                path("api/prices/stream", PricesConsumer.as_asgi()),
                re_path("", _NOWHERE),
            ]
        )
    )
)

application = ProtocolTypeRouter(
    {
        "http": with_static_files(PagesHandler()),
        "websocket": URLRouter(
            [
                # A key in a header is no cookie that a page elsewhere could make a browser send.
                path("api/v1/stream", LaddersConsumer.as_asgi()),
                re_path("", _OF_PEOPLE),
            ]
        ),
    }
)
