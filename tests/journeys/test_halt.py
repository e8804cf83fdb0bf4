"""HALT with Valkey stopped: through the web and from a terminal, until the venues have nothing left."""

import http.cookiejar
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest

from hedgeapp.up.bootstrap import ROOT
from tests.journeys.conftest import LogReader
from tests.stack import Stack
from tests.world import World

ANSWER_S = 60.0
CANCELED_S = 90.0  # on a busy machine; `make bench` measures how fast
RESTING = (("binance-usdm:main", "ETH/USDT:USDT", "0.5"), ("binance-coinm:main", "ETH/USD:ETH", "3"))
AWAY = Decimal("0.97")  # of the market: an order there rests

pytestmark = pytest.mark.timeout(600)


SELL = """
from datetime import UTC, datetime
from decimal import Decimal
from portfolio.core.order_checks import collar
from portfolio.operations.orders import Ticket, intend_order
from portfolio.queries.books import current_book
book = current_book()
one = book.catalogue.instruments["binance-usdm:ETH-USDT-PERP"]
price = collar(one, book.marks[one.id, "mark"].value, Decimal(20)).highest
ticket = Ticket(
    account="binance-usdm:main", instrument=one.id, side="sell", quantity=Decimal("0.5"), price=price, nonce="drill",
    time_in_force="gtc", reduce_only=False, reason="drill", proposal_id="",
)
print(intend_order(ticket, by="ann", at=datetime.now(UTC)).client_order_id)
"""


class StaysHere(urllib.request.HTTPRedirectHandler):
    """A browser that does not follow: the page after a login asks Valkey."""

    def redirect_request(self, *_: Any) -> None:
        """Follow nothing."""


class Person:
    """Somebody logged in to the real web process."""

    def __init__(self, stack: Stack, link: str) -> None:
        self._url = stack.url
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(cookies, StaysHere())
        self.send(urllib.parse.urlsplit(link).path)

    def get(self, path: str) -> str:
        """Return a page."""
        with self._opener.open(f"{self._url}{path}", timeout=ANSWER_S) as answer:
            return str(answer.read().decode())

    def send(self, path: str, page: str = "", **fields: str) -> int:
        """Send a form that a page shows (default: one at the same path) and return the status."""
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(page or path))
        assert token is not None
        body = urllib.parse.urlencode({"csrfmiddlewaretoken": token.group(1), **fields}).encode()
        try:
            with self._opener.open(f"{self._url}{path}", body, timeout=ANSWER_S) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as answer:
            return int(answer.code)


def manage(stack: Stack, *command: str) -> str:
    """Run a command of the project beside the stack."""
    done = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env=stack.environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=180,
    )
    return done.stdout


def colleague(stack: Stack, name: str) -> Person:
    manage(
        stack,
        "shell",
        "-c",
        "from django.contrib.auth.models import User, Group;"
        f"User.objects.create_user('{name}').groups.add(Group.objects.get(name='approver'))",
    )
    return Person(stack, manage(stack, "one_time_login", "--person", name).strip().splitlines()[-1])


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Stop a process as if its machine hung, while the block lasts."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def rest(world: World) -> None:
    """Put orders that nobody of ours sent into the venues' books."""
    for account, symbol, quantity in RESTING:
        client = world.client(account)
        market = client.load_markets()[symbol]
        price = Decimal(client.fetch_ticker(symbol)["last"]) * AWAY
        client.create_order(symbol, "limit", "buy", quantity, client.price_to_precision(market["symbol"], str(price)))


def resting(world: World) -> int:
    return sum(len(world.client(account).fetch_open_orders(symbol)) for account, symbol, _ in RESTING)


def lift(first: Person, second: Person) -> None:
    """Lift the halt in force, by two people and not by one."""
    name = re.search(r'action="/halt/([^/"]+)/ask"', first.get("/halt/"))
    assert name is not None
    assert first.send(f"/halt/{name.group(1)}/ask", "/halt/", reason="all is well") == 302
    assert first.send(f"/halt/{name.group(1)}/approve", "/halt/") == 403
    assert second.send(f"/halt/{name.group(1)}/approve", "/halt/") == 302
    assert "Nothing is halted" in first.get("/halt/")


def nothing_rests(stack: Stack, world: World, log: LogReader, halts: int) -> None:
    stack.until(lambda: resting(world) == 0 or None, CANCELED_S, "the venues without an open order")
    held = "SELECT count(*) FROM eventlog_event WHERE kind = 'HaltTookHold'"
    stack.until(lambda: log.rows(held)[0][0] == halts or None, CANCELED_S, "the halt to take hold")


def test_a_halt_reaches_the_venues_with_valkey_stopped(stack: Stack, world: World, log: LogReader) -> None:
    ann, bob = Person(stack, stack.login), colleague(stack, "bob")
    rest(world)
    assert resting(world) == len(RESTING)
    with stopped(stack.pid("valkey")):
        assert ann.send("/halt/", scope="*", reason="the venue looks wrong") == 302
        nothing_rests(stack, world, log, halts=1)
        page = ann.get("/halt/")
        assert "nothing is left working, 2 canceled" in page
        lift(ann, bob)
        rest(world)
        assert "all venues halted" in manage(stack, "halt", "--reason", "again", "--by", "ann")
        nothing_rests(stack, world, log, halts=2)
    stack.until(lambda: "HALT of all venues" in ann.get("/") or None, CANCELED_S, "the notice on the Overview")
    lift(ann, bob)


def test_an_order_sent_without_an_answer_is_canceled_as_soon_as_it_is_known(
    stack: Stack, world: World, log: LogReader
) -> None:
    world.act("faults", kind="timeout_after", venue="binance-usdm", account="binance-usdm:main", late_ms=1_000)
    name = manage(stack, "shell", "-c", SELL).strip().splitlines()[-1]
    of_it = (
        "SELECT kind FROM eventlog_event WHERE key LIKE %s OR"
        " (kind = 'OrderSeen' AND convert_from(body, 'UTF8')::jsonb->>'client_order_id' = %s) ORDER BY seq"
    )

    def kinds() -> list[str]:
        return [kind for (kind,) in log.rows(of_it, f"order-%:{name}", name)]

    stack.until(lambda: "OrderSent" in kinds() or None, CANCELED_S, "the order to be sent")
    manage(stack, "halt", "--reason", "in the middle of it")
    nothing_rests(stack, world, log, halts=3)
    statuses = (
        "SELECT convert_from(body, 'UTF8')::jsonb->>'status' FROM eventlog_event WHERE kind = 'OrderSeen' AND"
        " convert_from(body, 'UTF8')::jsonb->>'client_order_id' = %s ORDER BY seq DESC LIMIT 1"
    )
    assert log.rows(statuses, name) == [("canceled",)]
    assert {"OrderOutcomeUnknown", "OrderAcknowledged"} <= set(kinds())
