"""The pages as a client sees them: who may, what they say, and that the policy holds."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
import redis
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, RequestFactory

from hedgeapp.core.events import Event
from hedgeapp.core.events.balances import BalanceStated
from hedgeapp.eventlog.append import append
from marketdata.models import Instrument, Limit
from portfolio.core.figures import State
from portfolio.core.frames import Frame
from portfolio.models import Fill, FrameTaken
from portfolio.screen import latest, overview
from portfolio.views.errors import failed
from tests.web.frames import AT, Desk

PAGES = ("/", "/orders/", "/events/", "/data/")


def show(store: "redis.Redis", frame: Frame) -> None:
    store.set("screen:frame", msgspec.json.encode(frame))


def log(*events: Event) -> None:
    with connection.cursor() as cursor:
        append(cursor.connection, events, at=AT)


def balances(count: int) -> list[Event]:
    return [
        BalanceStated(
            at=AT + timedelta(seconds=place), account="binance-usdm:main", asset="USDT", total=Decimal(100 + place)
        )
        for place in range(count)
    ]


@pytest.mark.parametrize("path", [*PAGES, "/whole/", "/chart/net-delta", "/events/1/"])
def test_a_stranger_is_sent_to_the_login(db: None, path: str) -> None:
    answer = Client().get(path)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/login/")


def test_the_part_of_data_that_is_asked_for_again_has_each_feed_as_it_is_now(
    desk: Client, screen_store: "redis.Redis"
) -> None:
    for state in ("live", "stale"):
        frame = Desk(state=state).frame()
        show(screen_store, frame)
        part = desk.get("/data/channels").content.decode()
        for row in frame.feeds:
            assert f">{row.feed}</th>" in part
            assert f">{row.condition}</span>" in part


def test_a_fragment_for_a_session_that_ended_is_refused_not_redirected(db: None) -> None:
    assert Client().get("/whole/", headers={"HX-Request": "true"}).status_code == 401


def test_a_frame_survives_its_way_through_redis(screen_store: "redis.Redis") -> None:
    frame = Desk().frame()
    show(screen_store, frame)
    assert latest() == frame


def test_a_frame_of_another_version_is_no_frame(screen_store: "redis.Redis") -> None:
    screen_store.set("screen:frame", b'{"number": 1}')
    assert latest() is None


@pytest.mark.parametrize("path", PAGES)
def test_before_the_first_frame_every_page_says_what_comes_next(desk: Client, path: str) -> None:
    page = desk.get(path).content.decode()
    said = {"/": "Waiting for the first frame", "/orders/": "Nobody has ordered yet", "/events/": "No events"}
    assert said.get(path, "No feed has reported") in page


def test_the_whole_is_not_there_before_the_first_frame(desk: Client) -> None:
    assert desk.get("/whole/").status_code == 503


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("live", '<i class="age">live</i>'),
        ("late", '<i class="age">late '),
        ("stale", '<i class="age">stale '),
        ("assumed", '<i class="age">assumed</i>'),
        ("unknown", '<i class="age">unknown</i>'),
    ],
)
def test_every_state_of_a_figure_is_a_word_with_its_age(
    desk: Client, screen_store: "redis.Redis", state: State, said: str
) -> None:
    show(screen_store, Desk(datetime.now(UTC), state=state, seconds=12).frame())
    page = desk.get("/").content.decode()
    cell = re.search(r'<span id="exposure-ETH-net".*?</span></span>|<span id="exposure-ETH-net".*?</i></span>', page)
    assert cell is not None
    assert said in cell[0]
    if state in ("late", "stale"):
        assert re.search(rf"{state} 1[2-9] s", cell[0])


def test_the_overview_shows_the_book_with_units_and_the_reason_of_each_number(
    desk: Client, screen_store: "redis.Redis"
) -> None:
    show(screen_store, Desk(datetime.now(UTC)).frame())
    page = desk.get("/").content.decode()
    for said in ("+13.418", "−0.0213", "101.42 %", "ETH-USDT-PERP", "ceffu", "±25", "staked ETH", "Latest events"):
        assert said in page
    assert 'data-because="mark of binance-usdm:ETH-USDT-PERP"' in page


def test_the_first_page_and_a_push_draw_a_leaf_alike(desk: Client, screen_store: "redis.Redis") -> None:
    show(screen_store, Desk(datetime.now(UTC)).frame())
    page = desk.get("/").content.decode()
    whole = desk.get("/whole/").content.decode()
    cells = re.findall(r'<span id="[^"]+" class="f".*?</i></span>', page)
    assert len(cells) > 100
    assert [cell for cell in cells if cell not in whole] == []


def test_whatever_may_be_pushed_has_its_place_in_the_page(desk: Client, screen_store: "redis.Redis") -> None:
    frame = Desk(datetime.now(UTC)).frame()
    show(screen_store, frame)
    page = desk.get("/").content.decode()
    leaves = overview.picture(frame, overview.sections(frame)).leaves
    assert [id for id in leaves if f'id="{id}"' not in page] == []


def test_the_whole_marks_its_fragments_and_names_its_frame(desk: Client, screen_store: "redis.Redis") -> None:
    show(screen_store, Desk(datetime.now(UTC)).frame(41))
    whole = desk.get("/whole/").content.decode()
    assert 'data-number="41" data-previous="whole"' in whole
    assert whole.count("<section") == whole.count('hx-swap-oob="true"') - 1


@pytest.mark.parametrize("path", [*PAGES, "/nothing/"])
def test_the_policy_allows_nothing_inline_and_the_page_needs_nothing(
    desk: Client, screen_store: "redis.Redis", path: str
) -> None:
    show(screen_store, Desk(datetime.now(UTC)).frame())
    answer = desk.get(path)
    policy = answer["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    page = answer.content.decode()
    assert not re.search(r"<[^>]+\sstyle=", page)
    assert not re.search(r"<[^>]+\son\w+=", page)
    assert not re.search(r"<script(?![^>]*\ssrc=)", page)
    assert not re.search(r"""(?:src|href)="(?:https?:)?//""", page)


def test_the_environment_is_said_in_words_title_and_icon(desk: Client) -> None:
    page = desk.get("/").content.decode()
    assert "SANDBOX · hedgeapp</title>" in page
    assert '<span class="environment">SANDBOX</span>' in page
    assert "icons/sandbox.svg" in page


def test_only_pages_that_exist_are_offered(desk: Client, person: User) -> None:
    def offered() -> list[str]:
        page = desk.get("/").content.decode()
        return re.findall(r">([A-Z]\w+)</a>", page.split('<nav class="nav"')[1].split("</nav>")[0])

    pages = [
        "Overview",
        "Orders",
        "Moves",
        "Breaks",
        "Gate",
        "Backing",
        "Funding",
        "PnL",
        "Prices",
        "Scenarios",
        "Alerts",
        "Events",
        "Data",
        "Instruments",
    ]
    assert offered() == pages
    User.objects.filter(pk=person.pk).update(is_staff=True)
    assert offered() == [*pages, "Admin"]


def test_what_is_not_there_is_said_in_the_same_frame(desk: Client) -> None:
    answer = desk.get("/events/999999/")
    assert answer.status_code == 404
    assert "The log has no event 999999." in answer.content.decode()


def test_a_failure_is_said_without_a_database(client: Client) -> None:
    answer = failed(RequestFactory().get("/"))
    assert answer.status_code == 500
    assert "Something broke on our side" in answer.content.decode()


class TestEvents:
    """The log as a page."""

    @pytest.fixture(autouse=True)
    def _filled(self, db: None) -> None:
        log(*balances(250))

    def test_events_come_newest_first_a_page_at_a_time(self, desk: Client) -> None:
        first = desk.get("/events/").context["page"]
        assert [first.lines[0].seq, first.lines[-1].seq, first.newer] == [250, 151, None]
        second = desk.get(f"/events/?before={first.older}").context["page"]
        assert [second.lines[0].seq, second.lines[-1].seq] == [150, 51]
        back = desk.get(f"/events/?after={second.newer}").context["page"]
        assert [back.lines[0].seq, back.lines[-1].seq, back.newer] == [250, 151, None]

    def test_the_oldest_page_ends(self, desk: Client) -> None:
        page = desk.get("/events/?before=51").context["page"]
        assert [len(page.lines), page.older, page.newer] == [50, None, 50]

    def test_events_are_found_by_kind_and_by_the_beginning_of_their_key(self, desk: Client) -> None:
        key = "balance:binance-usdm:main:USDT:"
        assert len(desk.get(f"/events/?key={key}").context["page"].lines) == 100
        assert desk.get("/events/?kind=FillRecorded").context["page"].lines == ()
        one = balances(1)[0].key
        assert [line.seq for line in desk.get("/events/", {"key": one}).context["page"].lines] == [1]

    def test_an_event_shows_its_body_and_its_hash(self, desk: Client) -> None:
        answer = desk.get("/events/7/")
        line = answer.context["line"]
        page = answer.content.decode()
        assert line.hash.hex() in page
        assert "&quot;total&quot;: &quot;106&quot;" in page


class TestData:
    """The data in use as a page."""

    def test_data_is_found_by_words_in_any_order(self, desk: Client, screen_store: "redis.Redis") -> None:
        show(screen_store, Desk(datetime.now(UTC)).frame())
        page = desk.get("/data/?words=bid perp").context["page"]
        assert [(one.subject, one.kind) for one in page] == [("binance-usdm:ETH-USDT-PERP", "bid")]

    def test_ten_thousand_data_are_paged(self, desk: Client, screen_store: "redis.Redis") -> None:
        maker = Desk(datetime.now(UTC))
        show(screen_store, maker.frame(marks=maker.marks(2_000)))
        answer = desk.get("/data/?page=50")
        assert answer.context["page"].paginator.count == 10_000
        assert answer.content.decode().count("<tr>") < 250

    def test_a_datum_past_its_budget_is_stale(self, desk: Client, screen_store: "redis.Redis") -> None:
        show(screen_store, Desk(datetime.now(UTC) - timedelta(seconds=9)).frame())
        for subject, milliseconds in (("mark", 3_000), ("quote", 60_000)):
            Limit.objects.create(
                name=f"{subject} age", kind="data_age_ms_max", subject=subject, value=milliseconds, unit="ms"
            )
        page = desk.get("/data/?words=stale").context["page"]
        assert {one.kind for one in page if one.budget_ms} == {"mark", "index"}

    def test_a_datum_without_a_budget_is_stale_because_nobody_can_say_that_it_is_good(
        self, desk: Client, screen_store: "redis.Redis"
    ) -> None:
        show(screen_store, Desk(datetime.now(UTC)).frame())
        assert {one.state for one in desk.get("/data/").context["page"]} == {"stale"}


class TestChart:
    """The hour behind the chart."""

    def test_the_hour_is_thinned_to_what_can_be_drawn(self, desk: Client) -> None:
        now = datetime.now(UTC)
        FrameTaken.objects.bulk_create(
            FrameTaken(number=n, at=now - timedelta(seconds=n), seq=1, net={"ETH": "1.5"}, price={"ETH": "2000"})
            for n in range(4000)
        )
        answer = desk.get("/chart/net-delta?currency=ETH").json()
        assert 590 <= len(answer["at"]) <= 600
        assert set(answer["net_delta"]) == {1.5}
        assert set(answer["price"]) == {2000.0}

    def test_a_hole_between_frames_stays_a_hole(self, desk: Client) -> None:
        now = datetime.now(UTC)
        for number, seconds in enumerate((300, 100)):
            FrameTaken.objects.create(
                number=number, at=now - timedelta(seconds=seconds), seq=1, net={"ETH": "1"}, price={}
            )
        assert desk.get("/chart/net-delta?currency=ETH").json()["net_delta"] == [1.0, None, 1.0]

    def test_fills_of_the_hour_are_marked(self, desk: Client) -> None:
        now = datetime.now(UTC)
        Instrument.objects.create(
            id="binance-usdm:ETH-USDT-PERP", venue_id="binance-usdm", symbol="ETH-USDT-PERP", venue_symbol="ETHUSDT",
            kind="linear", expiry="perpetual", base="ETH", quote="USDT", settlement="USDT", contract_size=1,
            tick_size=Decimal("0.01"), step_size=Decimal("0.001"), version=1,
        )  # fmt: skip
        for number, minutes in enumerate((90, 30)):
            Fill.objects.create(
                account="binance-usdm:main", instrument="binance-usdm:ETH-USDT-PERP", trade_id=str(number), side="sell",
                price=2000, quantity=Decimal("1.50"), fee=0, fee_asset="USDT", is_maker=True, from_seq=number,
                at=now - timedelta(minutes=minutes), venue_order_id="9",
            )  # fmt: skip
        fills = desk.get("/chart/net-delta?currency=ETH").json()["fills"]
        assert [fill["said"] for fill in fills] == ["binance-usdm:main sell 1.5 binance-usdm:ETH-USDT-PERP at 2000"]

    def test_a_currency_nobody_holds_has_an_empty_hour(self, desk: Client) -> None:
        assert desk.get("/chart/net-delta?currency=XYZ").json()["at"] == []

    def test_a_currency_that_cannot_be_one_is_refused(self, desk: Client) -> None:
        assert desk.get("/chart/net-delta", {"currency": "X" * 21}).status_code == 400


def test_a_position_says_in_how_many_hours_it_is_liquidated(desk: Client, screen_store: "redis.Redis") -> None:
    show(screen_store, Desk().frame())
    page = desk.get("/").content.decode()
    assert "liquidation in 5.8 h" in " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_margin_says_how_far_liquidation_is_and_what_losses_are_paid_with(
    desk: Client, screen_store: "redis.Redis"
) -> None:
    show(screen_store, Desk().frame())
    page = desk.get("/").content.decode()
    panel = page[page.index('id="section-margin"') :]
    said = " ".join(re.sub(r"<[^>]+>", " ", panel[: panel.index("</section>")]).split())
    for words in ("ETH liquidation away +18.1 %", "ETH liquidation in 3.6 h"):
        assert words in said
    assert "target USDT 2,000,000.00" in said
    assert "missing to it USDT 748,204.88" in said
    assert "borrow need at +20 % 2,075,804.12" in said
    assert "missing to it ETH no target" in said
