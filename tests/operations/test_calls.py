"""Calls: word of an alert goes out once by each channel, again and again until it is taken; over real sockets."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from portfolio.queries.books import current_book
from portfolio.tasks.calls import call
from tests.builders.alerts import NAME, acknowledged, escalated, opened
from tests.builders.books import reference
from tests.builders.desks import written
from tests.builders.mails import mail_server, serving


class Hook:
    """A webhook: what it answers, and what it was told."""

    def __init__(self) -> None:
        self.status = 204
        self.told: list[dict[str, Any]] = []
        self.url = ""


@pytest.fixture
def hook(settings: Any) -> Iterator[Hook]:
    made = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(made.status)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    with serving(server):
        settings.ALERT_WEBHOOK = made.url = f"http://127.0.0.1:{server.server_port}/alerts"
        yield made


@pytest.fixture
def mails(settings: Any) -> Iterator[list[str]]:
    with mail_server(settings) as post:
        settings.ALERT_EMAIL = ["desk@example.org"]
        yield post.mails


@pytest.fixture(autouse=True)
def _log(log_url: str) -> None:
    written(*reference(), opened(at=datetime.now(UTC)))


def test_word_goes_out_once_by_each_channel(hook: Hook, mails: list[str]) -> None:
    assert (call(), call()) == (2, 0)
    (told,) = hook.told
    assert (told["rule"], told["subject"], told["severity"], told["level"]) == ("feed", "feed:x", "warning", 0)
    assert told["advice"].startswith("Read the feed's error")
    (mail,) = mails
    assert "Subject: [SANDBOX] warning: feed feed:x" in mail
    assert "feed:x live expected, found stale" in mail


@pytest.mark.parametrize("status", [500, 404, 302])
def test_word_that_is_not_taken_goes_out_again(hook: Hook, status: int) -> None:
    hook.status = status
    assert (call(), call()) == (0, 0)
    hook.status = 200
    assert (call(), call()) == (1, 0)
    assert len(hook.told) == 3


def test_a_channel_that_is_away_holds_up_no_other(hook: Hook, mails: list[str], settings: Any) -> None:
    settings.ALERT_WEBHOOK = "http://127.0.0.1:1/"
    assert call() == 1
    settings.ALERT_WEBHOOK = hook.url
    assert call() == 1
    assert (len(mails), len(hook.told)) == (1, 1)


def test_an_escalation_is_word_of_its_own_and_what_somebody_took_is_none(hook: Hook) -> None:
    call()
    written(escalated(at=datetime.now(UTC)))
    assert call() == 1
    assert [told["level"] for told in hook.told] == [0, 1]
    written(escalated(2, at=datetime.now(UTC)), acknowledged(at=datetime.now(UTC)))
    assert call() == 0


def test_word_of_long_ago_is_given_up(hook: Hook) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=2)
    written(opened("old", at=long_ago, subject="feed:y"))
    assert call() == 1
    assert [told["alert_id"] for told in hook.told] == [NAME]


def test_without_a_channel_nothing_is_asked(settings: Any) -> None:
    settings.ALERT_WEBHOOK, settings.ALERT_EMAIL = "", []
    assert call() == 0
    assert len(current_book().alerts) == 1
