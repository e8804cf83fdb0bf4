"""What no person would send is refused, and breaks nothing."""

import logging

import pytest
from asgiref.testing import ApplicationCommunicator
from django.test import Client
from structlog.stdlib import ProcessorFormatter

from hedgeapp.asgi import application

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "path",
    [
        "/events/?key=%00",
        "/events/?kind=%00",
        "/data/?words=%00",
        "/chart/net-delta?currency=%00",
        "/admin/marketdata/asset/%00/change/",
    ],
)
def test_a_nul_in_a_path_or_query_is_a_bad_request(desk: Client, path: str) -> None:
    assert desk.get(path).status_code == 400


def test_a_nul_in_a_form_is_a_bad_request(client: Client) -> None:
    assert client.post("/login/", {"username": "a\0b", "password": "x"}).status_code == 400


@pytest.mark.parametrize("key", ["\U0010ffff", "fill\U0010ffff", "\ud7ff"])
def test_a_key_of_the_last_characters_is_searched_for(desk: Client, key: str) -> None:
    answer = desk.get("/events/", {"key": key})
    assert (answer.status_code, answer.context["page"].lines) == (200, ())


async def test_a_socket_to_nowhere_is_refused() -> None:
    headers = [(b"host", b"localhost"), (b"origin", b"http://localhost")]
    scope = {"type": "websocket", "path": "/nowhere/", "query_string": b"", "headers": headers, "subprotocols": []}
    socket = ApplicationCommunicator(application, scope)  # type: ignore[no-untyped-call]
    await socket.send_input({"type": "websocket.connect"})  # type: ignore[no-untyped-call]
    answer = await socket.receive_output(timeout=30)  # type: ignore[no-untyped-call]
    assert answer["type"] == "websocket.close"
    await socket.wait()  # type: ignore[no-untyped-call]


def test_what_the_web_server_says_is_one_line_without_secrets() -> None:
    ours = [one for one in logging.getLogger().handlers if isinstance(one.formatter, ProcessorFormatter)]
    (handler,) = [one for one in logging.getLogger("uvicorn").handlers if one in ours]
    told = logging.LogRecord("uvicorn.error", logging.ERROR, "", 0, "broken\n?token=secretive", None, None)
    line = handler.format(told)
    assert "\n" not in line
    assert "secretive" not in line
