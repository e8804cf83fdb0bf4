"""Every main page as it was: the same page at another moment, where nothing moves and nothing can be done."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from hedgeapp.access.roles import grant_roles
from hedgeapp.core.events.halts import HaltDeclared
from hedgeapp.core.events.minting import MintingPaused
from hedgeapp.eventlog import snapshot
from hedgeapp.eventlog.models import LoggedEvent
from portfolio.core.snapshots import dump
from portfolio.models import Halt
from portfolio.operations import books
from portfolio.operations.books import keep_milestones, restored_book
from portfolio.queries import past_frames
from portfolio.queries.past import MomentIsRefused, moment
from tests.builders.alerts import opened, resolved
from tests.builders.blotters import began, projected
from tests.builders.books import collateral
from tests.builders.desks import written
from tests.builders.orders import AT
from tests.builders.streamed import whole

PAGES = (
    "/",
    "/orders/",
    "/orders/venues/",
    "/moves/",
    "/breaks/",
    "/backing/",
    "/funding/",
    "/pnl/",
    "/prices/",
    "/scenarios/",
    "/alerts/",
    "/events/",
    "/data/",
    "/data/suspensions/",
    "/halt/",
    "/audit/",
)
H = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _log(transactional_db: None, screen_store: Any) -> None:
    """Write a day at the desk: at noon a book, an hour later more of it, an alert, a pause and a halt."""
    began()
    written(
        collateral("ETH", "130", at=AT + H),
        opened(at=AT + H),
        MintingPaused(at=AT + H, pause_id="p-1", cause="person", by="ann", reason="odd", resumed_by="one"),
        HaltDeclared(at=AT + H, halt_id="h-1", scope="*", by="ann", reason="too odd"),
        at=AT + H,
    )
    Halt.objects.create(halt_id="h-1", scope="*", declared_at=AT + H, declared_by="ann", reason="too odd")
    written(resolved(), at=AT + 2 * H)
    projected()


@pytest.fixture
def desk() -> Client:
    grant_roles()
    user = User.objects.create_user("ann")
    user.groups.set(Group.objects.filter(name__in=["trader", "risk"]))
    client = Client()
    client.force_login(user)
    return client


def page(client: Client, path: str, at: datetime | str, status: int = 200) -> str:
    asked = at if isinstance(at, str) else at.isoformat().replace("+00:00", "Z")
    answer = client.get(path, {"at": asked})
    assert answer.status_code == status
    return answer.content.decode()


def collateral_of(shown: str) -> str:
    """Return the words of the panel of collateral."""
    panel = shown.partition('id="section-collateral"')[2].partition("</section>")[0]
    return re.sub(r"<[^>]+>", " ", panel)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_of_the_past_says_so_and_neither_moves_nor_acts(desk: Client, path: str) -> None:
    shown = page(desk, path, AT + 90 * timedelta(minutes=1))
    assert "Nothing here moves, and nothing can be done here" in shown
    assert f'href="{path}">Back to live' in shown
    assert "ws-connect" not in shown
    assert "hx-trigger" not in shown
    main = shown.partition("<main")[2].partition("</main>")[0]
    assert 'method="post"' not in main
    assert "data-hedge" not in main


@pytest.mark.parametrize("path", PAGES)
def test_no_part_of_the_past_is_said_to_get_no_answer(desk: Client, path: str) -> None:
    tags = re.findall(r"<[^>]* data-polled=[^>]*>", page(desk, path, AT + 90 * timedelta(minutes=1)))
    assert [tag for tag in tags if "data-is-settled" not in tag] == []


@pytest.mark.parametrize("path", PAGES)
def test_a_page_of_now_offers_the_past_and_is_live(desk: Client, path: str) -> None:
    shown = desk.get(path).content.decode()
    assert 'id="moment"' in shown
    assert "ws-connect" in shown
    assert "Nothing here moves" not in shown


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("noon", "an event&#x27;s number or a time like 2026-03-01T12:00:00 expected, found noon"),
        ("0", "an event of the log (1 to "),
        ("999999", "an event of the log (1 to "),
        ("9" * 30, "an event of the log (1 to "),
        ("1970-01-01T00:00:00Z", "a time since the log&#x27;s first event expected"),
        ("9999-01-01T00:00:00Z", "a moment of the past expected"),
    ],
)
def test_a_moment_that_never_was_is_refused_in_a_sentence(desk: Client, path: str, at: str, said: str) -> None:
    assert said in page(desk, path, at, 400)


def test_whoever_looks_at_the_past_goes_on_in_it(desk: Client) -> None:
    shown = page(desk, "/alerts/", AT + H)
    assert 'href="/orders/?at=2026-03-01T13%3A00%3A00.123456Z"' in shown
    assert re.search(r'href="/alerts/\?at=[^"]+">−1 h', shown)


def test_the_overview_of_the_past_is_what_the_log_folds_into(desk: Client) -> None:
    assert "130" not in collateral_of(page(desk, "/", AT + H / 2))
    assert "130" in collateral_of(page(desk, "/", AT + H))


def test_alerts_pauses_and_halts_stand_as_they_stood(desk: Client) -> None:
    assert "1 waits for somebody" in page(desk, "/alerts/", AT + H)
    assert "Nothing asks for anybody" in page(desk, "/alerts/", AT + H / 2)
    assert "Nothing asks for anybody" in page(desk, "/alerts/", AT + 2 * H)
    assert "by ann, 2026-03-01" in page(desk, "/prices/", AT + H)
    assert "by ann, 2026-03-01" not in page(desk, "/prices/", AT + H / 2)
    assert "all venues halted" in page(desk, "/halt/", AT + H)
    assert "Nothing was halted" in page(desk, "/halt/", AT + H / 2)


def test_the_log_of_the_past_ends_there(desk: Client) -> None:
    then = moment((AT + H / 2).isoformat(), datetime.now(UTC))
    shown = page(desk, "/events/", str(then.seq))
    assert f'href="/events/{then.seq}/"' in shown.partition("<main")[2]
    assert f'href="/events/{then.seq + 1}/"' not in shown


def test_the_audit_of_the_past_ends_there_as_a_page_and_as_a_file(desk: Client) -> None:
    assert "too odd" in page(desk, "/audit/", AT + H).partition("<main")[2]
    assert "too odd" not in page(desk, "/audit/", AT + H / 2).partition("<main")[2]
    for at, is_told in ((AT + H, True), (AT + H / 2, False)):
        answer = desk.get("/audit/export.csv", {"at": at.isoformat().replace("+00:00", "Z")})
        assert ("too odd" in whole(answer)) is is_told


def test_nothing_is_done_in_the_past(desk: Client) -> None:
    answer = desk.post(f"/halt/?at={AT.isoformat().replace('+00:00', 'Z')}", {"scope": "*", "reason": "x"})
    assert answer.status_code == 409
    assert Halt.objects.count() == 1


def test_a_zone_in_an_address_is_read_although_its_plus_came_as_a_blank() -> None:
    found = moment("2026-03-01T15:00:00 02:00", datetime.now(UTC))
    assert found.at == datetime(2026, 3, 1, 13, tzinfo=UTC)
    with pytest.raises(MomentIsRefused):
        moment("2026-03-01T99", datetime.now(UTC))


def test_the_chart_of_the_past_ends_there(desk: Client) -> None:
    told = desk.get("/chart/net-delta", {"currency": "ETH", "at": "2026-03-01T13:00:00Z"}).json()
    assert told["until"].startswith("2026-03-01T13:00:00")
    assert 'data-moment="&amp;at=' in page(desk, "/", AT + H)


def test_milestones_make_every_event_a_moment_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books, "MILESTONE", 5)
    head = LoggedEvent.objects.count()
    before = [dump(restored_book(seq)) for seq in range(1, head + 1)]
    assert keep_milestones(2, AT) == 2
    assert keep_milestones(100, AT) == head // 5 - 2
    assert keep_milestones(100, AT) == 0
    assert [dump(restored_book(seq)) for seq in range(1, head + 1)] == before
    assert head // 5 > snapshot.KEPT


def test_a_frame_of_the_past_is_made_once(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    page(desk, "/", AT + H)
    monkeypatch.setattr(past_frames, "restored_book", None)
    page(desk, "/", AT + H)
