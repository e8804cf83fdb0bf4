"""One order, one move, one break and the gate as they were: the same page at another moment, where nobody acts."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from hedgeapp.access.roles import grant_roles
from hedgeapp.core.events.breaks import BreakFound, BreakVerified, DifferenceSeen
from hedgeapp.core.events.moves import MoveWithdrawn, UnintendedMoveSeen
from portfolio.core.move_gates import COOL_OFF
from portfolio.queries import past_frames
from portfolio.queries.past import moment
from tests.builders import moves
from tests.builders.blotters import began, life, name, projected
from tests.builders.books import D
from tests.builders.breaks import difference
from tests.builders.broken import told
from tests.builders.desks import written
from tests.builders.moves import LARGE, NAME, agreed, gate_change, payload
from tests.builders.orders import AT

H = timedelta(hours=1)
ORDER = f"/orders/{name(1)}/"
MOVE = f"/moves/{NAME}/"
BREAK = "/breaks/balance-0123456789ab/"
CHANGE = "/gate/changes/policy-2/"
PAGES = (ORDER, MOVE, BREAK, CHANGE, "/gate/")
LISTS = ((ORDER, "/orders/"), (MOVE, "/moves/"), (BREAK, "/breaks/"), (CHANGE, "/gate/"))


@pytest.fixture(autouse=True)
def _log(transactional_db: None, screen_store: Any) -> None:
    """Write a day at the desk: at 13:00 everything is open, at 14:00 everything is over, at 15:00 moves are stopped."""
    began()
    order, of = life(1), payload()
    broken: dict[str, Any] = {"break_id": "balance-0123456789ab", "run_id": "r-1", "difference": difference()}
    second = gate_change("policy", 2, at=AT + H, rules=())
    written(
        *moves.gate(LARGE),
        *order[:2],
        moves.proposed(of, at=AT + H),
        moves.judged(),
        moves.decided("bob", of, at=AT + H),
        second,
        at=AT + H,
    )
    told(DifferenceSeen(at=AT + H, due_at=AT + H, explained_by="", **broken), at=AT + H)
    told(BreakFound(at=AT + H, severity="major", **broken), at=AT + H)
    written(
        *order[2:],
        MoveWithdrawn(at=AT + 2 * H, move_id=NAME, by="ann", reason="no longer needed"),
        agreed(second, at=AT + 2 * H, hold_s=int(COOL_OFF.total_seconds())),
        at=AT + 2 * H,
    )
    told(BreakVerified(at=AT + 2 * H, break_id="balance-0123456789ab", run_id="r-2"), at=AT + 2 * H)
    stray: dict[str, Any] = {
        "source": "ceffu",
        "reference": "99",
        "kind": "undelegate",
        "asset": "stETH",
        "amount": D("3"),
    }
    written(UnintendedMoveSeen(at=AT + 3 * H, said="unknown to us", **stray), at=AT + 3 * H)
    projected()


@pytest.fixture
def desk() -> Client:
    """Return a client of somebody who may do everything."""
    grant_roles()
    user = User.objects.create_user("gil")
    user.groups.set(Group.objects.all())
    client = Client()
    client.force_login(user)
    return client


def page(client: Client, path: str, at: datetime, status: int = 200) -> str:
    answer = client.get(path, {"at": at.isoformat().replace("+00:00", "Z")})
    assert answer.status_code == status
    return answer.content.decode()


def words(shown: str) -> str:
    """Return what stands in the page itself."""
    return " ".join(re.sub(r"<[^>]+>", " ", shown.partition("<main")[2].partition("</main>")[0]).split())


@pytest.mark.parametrize("path", PAGES)
def test_a_thing_of_the_past_says_so_and_neither_moves_nor_acts(desk: Client, path: str) -> None:
    shown = page(desk, path, AT + H)
    assert "Nothing here moves, and nothing can be done here" in shown
    assert f'href="{path}">Back to live' in shown
    assert "ws-connect" not in shown
    main = shown.partition("<main")[2].partition("</main>")[0]
    assert "hx-trigger" not in main
    assert 'method="post"' not in main
    assert "Change…" not in main
    assert "New ticket" not in main


@pytest.mark.parametrize("path", PAGES)
def test_a_thing_of_now_offers_the_past_and_is_live(desk: Client, path: str) -> None:
    shown = desk.get(path).content.decode()
    assert 'id="moment"' in shown
    assert "ws-connect" in shown
    assert "Nothing here moves" not in shown


@pytest.mark.parametrize("path", PAGES)
def test_a_moment_that_never_was_is_refused_on_its_page_too(desk: Client, path: str) -> None:
    answer = desk.get(path, {"at": "999999"})
    assert answer.status_code == 400
    assert "an event of the log (1 to " in answer.content.decode()


@pytest.mark.parametrize("path", PAGES[:-1])
def test_before_a_thing_was_there_is_no_page_of_it(desk: Client, path: str) -> None:
    shown = page(desk, path, AT + H / 2, 404)
    assert "(as of event " in shown
    assert 'class="past-banner"' in shown


@pytest.mark.parametrize(("path", "listed"), LISTS)
def test_a_list_of_the_past_leads_on_in_the_past(desk: Client, path: str, listed: str) -> None:
    shown = page(desk, listed, AT + H)
    assert f'href="{path}?at=2026-03-01T13%3A00%3A00.123456Z"' in shown


@pytest.mark.parametrize(
    ("path", "then", "after"),
    [
        (ORDER, "sent, waiting for the venue's word", "filled"),
        (MOVE, "awaiting approval", "withdrawn"),
        (BREAK, "It was open. From the past nobody works on it", "verified"),
        (CHANGE, "waits for a second person", "cools off until"),
        ("/gate/", "waits for a second person", "policy 2 cools off until"),
    ],
)
def test_a_thing_stands_as_it_stood(desk: Client, path: str, then: str, after: str) -> None:
    assert then.replace("'", "&#x27;") in words(page(desk, path, AT + H))
    later = words(page(desk, path, AT + 2 * H))
    assert after in later
    assert then not in later


def test_an_order_of_the_past_has_only_the_fills_of_then(desk: Client) -> None:
    assert "Nothing has filled" in words(page(desk, ORDER, AT + H))
    assert "2,999.50 5.000" in words(page(desk, ORDER, AT + 2 * H))


def test_a_move_of_the_past_shows_who_had_decided_and_what_it_would_have_changed(desk: Client) -> None:
    then = words(page(desk, MOVE, AT + H))
    assert "bob approves" in then
    assert "1 of 2 approvals" in then
    assert "Then → after" in then
    assert "Exposure and backing" in then
    assert "Go back to live to decide" in then
    assert "withdrew" not in then
    after = words(page(desk, MOVE, AT + 2 * H))
    assert "the past is not decided on" in after
    assert "Exposure and backing" not in after


def test_a_break_of_the_past_has_the_timeline_of_then(desk: Client) -> None:
    then, after = words(page(desk, BREAK, AT + H)), words(page(desk, BREAK, AT + 2 * H))
    assert "verified" not in then
    assert "verified" in after.partition("Timeline")[2]


def test_the_gate_of_the_past_has_the_rules_and_the_caps_of_then(desk: Client) -> None:
    then, after = words(page(desk, "/gate/", AT + H)), words(page(desk, "/gate/", AT + 2 * H + COOL_OFF))
    assert "version 1 since" in then.partition("Policy")[2].partition("Caps")[0]
    assert "version 2 since" in after.partition("Policy")[2].partition("Caps")[0]
    assert "20,000,000" in then.partition("Caps")[2].partition("Destinations")[0]


def test_what_stops_moves_now_did_not_stop_those_of_then(desk: Client) -> None:
    assert "was never intended" not in page(desk, "/moves/", AT + 2 * H)
    assert "Moves were stopped: 99 of ceffu was never intended" in words(page(desk, "/moves/", AT + 3 * H))


def test_what_the_book_of_then_had_let_go_comes_out_of_its_rows(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    past_frames.forget()
    with monkeypatch.context() as patched:
        patched.setattr("portfolio.core.moves.ENDED_KEPT", 0)
        patched.setattr("portfolio.core.orders.FINISHED_KEPT", 0)
        book = past_frames.past_book(moment((AT + 2 * H).isoformat(), datetime.now(UTC)))
    assert book.moves.get(NAME) is None
    assert book.our_orders.get(name(1)) is None
    assert "withdrawn" in words(page(desk, MOVE, AT + 2 * H))
    assert "filled" in words(page(desk, ORDER, AT + 2 * H))
    past_frames.forget()
