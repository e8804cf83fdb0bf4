"""Pages: Django behind ASGI, each request answered from its first signal to its last in one thread that stays.

Django's own handler begins a thread for each request and changes between it and the loop six times on the way; on a
busy machine each change waits for its turn (docs/decisions/0147). Static files pass by Django.
"""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, Final
from wsgiref.headers import Headers

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.signals import request_started
from django.db import close_old_connections
from django.urls import set_script_prefix
from servestatic import ServeStaticASGI

from hedgeapp.ending import end

AT_ONCE: Final = 10  # requests that are answered, fewer than there are connections; the others wait
HASHED: Final = re.compile(r"\.[0-9a-f]{12}\.")  # a name that another content will not have


class PagesHandler(ASGIHandler):
    """Django's ASGI handler with signals, middleware and views in threads of ours."""

    def __init__(self) -> None:
        super().__init__()
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="page")

    def load_middleware(self, is_async: bool = False) -> None:
        """Load the middleware as for a thread, whatever is asked for."""
        super().load_middleware(is_async=False)

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        """Read a request, have it answered, and send the answer."""
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        run = asyncio.get_running_loop().run_in_executor
        response = await run(self._threads, copy_context().run, self._answered, scope, body)
        if not response.streaming:
            await self.send_response(response, send)
            return
        # A stream is made as it is read, and no longer than somebody reads.
        sending, leaving = asyncio.create_task(self.send_response(response, send)), asyncio.create_task(receive())
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            await end({sending, leaving})
            # In the thread where its blocking work was done, whose database connection is then given back.
            await sync_to_async(response.close)()

    def _answered(self, scope: Any, body: Any) -> Any:
        """Answer; what the request held, its database connection among it, is free before the answer goes out."""
        with body:
            set_script_prefix(get_script_prefix(scope))
            request_started.send(sender=type(self), scope=scope)
            request, refused = self.create_request(scope, body)
            response: Any = refused if request is None else self.get_response(request)
            if response.streaming:
                close_old_connections()
            else:
                response.close()
            return response


def with_static_files(application: Any) -> Any:
    """Serve what was collected before anything else is asked; names that carry a hash may be kept for ever."""
    return ServeStaticASGI(
        application,
        root=settings.STATIC_ROOT,
        prefix=settings.STATIC_URL,
        immutable_file_test=lambda _path, url: bool(HASHED.search(url)),
        add_headers_function=_as_pages_have,
    )


def _as_pages_have(headers: Headers, _path: str, _url: str) -> None:
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = settings.SECURE_REFERRER_POLICY
    headers["Cross-Origin-Opener-Policy"] = settings.SECURE_CROSS_ORIGIN_OPENER_POLICY
