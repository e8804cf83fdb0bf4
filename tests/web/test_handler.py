"""The handler between the server and Django: one thread a request, streams to their reader's end, static files."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.db import connection
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

from hedgeapp.pages import AT_ONCE, PagesHandler, with_static_files

PATIENCE_S = 30
seen: list[tuple[str, str]] = []
ended: list[str] = []


def where(_request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    seen.append(("view", threading.current_thread().name))
    return HttpResponse("here")


def without_end(_request: HttpRequest) -> StreamingHttpResponse:
    async def lines() -> AsyncIterator[str]:
        try:
            while True:
                yield "line\n"
                await asyncio.sleep(0.01)
        finally:
            ended.append("stream")

    return StreamingHttpResponse(lines())


def broken(_request: HttpRequest) -> StreamingHttpResponse:
    async def lines() -> AsyncIterator[str]:
        yield "line\n"
        raise ArithmeticError("half way")

    return StreamingHttpResponse(lines())


def from_rows(_request: HttpRequest) -> StreamingHttpResponse:
    def asked() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 'row'")
            return str(cursor.fetchone()[0])

    async def lines() -> AsyncIterator[str]:
        yield await sync_to_async(asked)()

    return StreamingHttpResponse(lines())


urlpatterns = [
    path("where/", where),
    path("without-end/", without_end),
    path("broken/", broken),
    path("from-rows/", from_rows),
]


@pytest.fixture(autouse=True)
def _our_pages(settings: Any, transactional_db: None) -> None:
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = [f"{__name__}.noting"]
    seen.clear()
    ended.clear()


def noting(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    def middleware(request: HttpRequest) -> HttpResponse:
        seen.append(("middleware", threading.current_thread().name))
        return get_response(request)

    return middleware


async def asked(where: str, application: Any = None) -> ApplicationCommunicator:
    scope = {"type": "http", "method": "GET", "path": where, "query_string": b"", "headers": [(b"host", b"localhost")]}
    found = ApplicationCommunicator(application or PagesHandler(), scope)  # type: ignore[no-untyped-call]
    await found.send_input({"type": "http.request", "body": b""})  # type: ignore[no-untyped-call]
    return found


async def next_of(communicator: ApplicationCommunicator) -> dict[str, Any]:
    message: dict[str, Any] = await communicator.receive_output(timeout=PATIENCE_S)  # type: ignore[no-untyped-call]
    return message


async def test_middleware_and_view_run_in_one_thread_of_those_that_stay() -> None:
    handler = PagesHandler()
    # One more than there are threads: which of them is next is not said, one begins while the last still ends its work.
    for _ in range(AT_ONCE + 1):
        request = await asked("/where/", handler)
        assert (await next_of(request))["status"] == 200
        assert (await next_of(request))["body"] == b"here"
        await request.wait(timeout=PATIENCE_S)  # type: ignore[no-untyped-call]
    assert [what for what, _ in seen] == ["middleware", "view"] * (AT_ONCE + 1)
    threads = [thread for _, thread in seen]
    assert threads[::2] == threads[1::2]
    assert len(set(threads)) <= AT_ONCE
    assert all(thread.startswith("page") for thread in threads)


async def test_a_stream_ends_when_its_reader_leaves() -> None:
    request = await asked("/without-end/")
    assert (await next_of(request))["status"] == 200
    assert (await next_of(request))["body"] == b"line\n"
    await request.send_input({"type": "http.disconnect"})  # type: ignore[no-untyped-call]
    await request.wait(timeout=PATIENCE_S)  # type: ignore[no-untyped-call]
    assert ended == ["stream"]


async def test_streams_give_their_connections_back(settings: Any) -> None:
    handler = PagesHandler()
    for _ in range(settings.DATABASES["default"]["OPTIONS"]["pool"]["max_size"] + 2):
        request = await asked("/from-rows/", handler)
        assert (await next_of(request))["status"] == 200
        assert (await next_of(request))["body"] == b"row"
        await request.wait(timeout=PATIENCE_S)  # type: ignore[no-untyped-call]


async def test_a_stream_that_breaks_is_not_passed_off_as_whole() -> None:
    request = await asked("/broken/")
    assert (await next_of(request))["status"] == 200
    assert (await next_of(request))["body"] == b"line\n"
    with pytest.raises(ArithmeticError):
        await request.wait(timeout=PATIENCE_S)  # type: ignore[no-untyped-call]


async def test_a_file_with_a_hash_in_its_name_may_be_kept_for_ever_and_keeps_its_type(
    settings: Any, tmp_path: Path
) -> None:
    settings.STATIC_ROOT = tmp_path
    for name in ("desk.0123456789ab.js", "desk.js"):
        (tmp_path / name).write_text("1")
    application = with_static_files(PagesHandler())
    found = {}
    for name in ("desk.0123456789ab.js", "desk.js"):
        request = await asked(f"/static/{name}", application)
        found[name] = {key.lower(): value for key, value in (await next_of(request))["headers"]}
    assert b"immutable" in found["desk.0123456789ab.js"][b"cache-control"]
    assert b"immutable" not in found["desk.js"][b"cache-control"]
    assert found["desk.js"][b"x-content-type-options"] == b"nosniff"
    assert found["desk.js"][b"referrer-policy"] == b"same-origin"
