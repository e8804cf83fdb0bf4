"""The ticket: filled in, rehearsed, confirmed by its own numbers and sent once."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from django.conf import settings as configured
from django.contrib.auth.models import Group, User
from django.test import Client

from hedgeapp.access.roles import grant_roles
from hedgeapp.core.events.halts import HaltDeclared
from hedgeapp.core.events.orders import HedgeProposed, ProposalClosed
from hedgeapp.eventlog.models import LoggedEvent
from marketdata.board import DEPTHS, FEEDS, MARKS
from portfolio.models import Fill, Work
from tests.builders.books import COINM, INVERSE, LINEAR, USDM, D, balance
from tests.builders.desks import written
from tests.web.tickets import depths, fresh, posted, quoted

PATH = "/orders/ticket/"
NONCE = "n" * 24
TYPED = {
    "account": USDM,
    "instrument": LINEAR,
    "side": "sell",
    "quantity": "5",
    "price": "2995",
    "time_in_force": "ioc",
    "reason": "out of its band",
    "proposal": "",
    "nonce": NONCE,
}


@pytest.fixture(autouse=True)
def at(transactional_db: None) -> Iterator[datetime]:
    """Return the moment of a log and a board that are fresh."""
    Work.objects.all().delete()
    Fill.objects.all().delete()
    now, url = fresh(), configured.REDIS_URL
    posted(quoted(now), depths(now))
    yield now
    with redis.from_url(url) as store:
        store.delete(MARKS, DEPTHS, FEEDS)


def somebody(role: str = "trader", name: str = "ann") -> Client:
    grant_roles()
    user = User.objects.create_user(name)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def trader() -> Client:
    return somebody()


def page(client: Client, path: str = PATH, **asked: str) -> str:
    answer = client.get(path, asked)
    assert answer.status_code == 200, answer.content.decode()[:2000]
    return answer.content.decode()


def fields(html: str) -> dict[str, str]:
    """Return what the form would send."""
    form = html[html.index('id="ticket-form"') :]
    form = form[: form.index("</form>")]
    found = dict(re.findall(r'<input[^>]* name="(\w+)"[^>]* value="([^"]*)"', form))
    found |= {name: value for value, name in re.findall(r'<input[^>]* value="([^"]*)"[^>]* name="(\w+)"', form)}
    found["time_in_force"] = re.findall(r'<option value="(\w+)" selected', form)[0]
    return found


def count(kind: str) -> int:
    return LoggedEvent.objects.filter(kind=kind).count()


def proposed(at: datetime) -> HedgeProposed:
    made = HedgeProposed(
        at=at,
        proposal_id="ETH-1",
        currency="ETH",
        account=USDM,
        instrument=LINEAR,
        side="sell",
        quantity=D("29.5"),
        net=D(30),
        in_flight=D(0),
        band=D(25),
        because="net ETH of 30 is outside of ±25",
    )
    written(made, at=at)
    return made


def test_it_is_filled_in_with_what_leads_to_flat(trader: Client) -> None:
    given = fields(page(trader, currency="ETH"))
    assert (given["account"], given["instrument"], given["side"], given["time_in_force"]) == (
        COINM,
        INVERSE,
        "sell",
        "ioc",
    )
    assert given["price"] == "2992.8"
    assert given["quantity"] == "8973"
    assert len(given["nonce"]) == 24


def test_it_is_filled_in_from_the_proposal(trader: Client, at: datetime) -> None:
    proposed(at)
    html = page(trader, proposal="ETH-1")
    given = fields(html)
    assert (given["instrument"], given["quantity"], given["proposal"]) == (LINEAR, "29.5", "ETH-1")
    assert "net ETH of 30 is outside of ±25" in html


def test_a_proposal_that_was_closed_is_said_and_the_exposure_fills_it_in(trader: Client, at: datetime) -> None:
    proposed(at)
    written(ProposalClosed(at=at, proposal_id="ETH-1", end="withdrawn", by="engine", reason=""), at=at)
    html = page(trader, proposal="ETH-1")
    assert "Proposal ETH-1 is no longer open" in html
    assert fields(html)["instrument"] == INVERSE


def test_the_place_and_the_time_in_force_are_taken_from_the_address(trader: Client) -> None:
    given = fields(page(trader, instrument=LINEAR, time_in_force="post_only", reason="as agreed"))
    assert (given["account"], given["quantity"], given["price"], given["reason"]) == (USDM, "30", "3000.1", "as agreed")


def test_an_instrument_that_nobody_knows_is_not_found(trader: Client) -> None:
    assert trader.get(PATH, {"instrument": "binance-usdm:DOGE"}).status_code == 404


def test_a_currency_that_nothing_trades_is_said(trader: Client) -> None:
    assert "no account trades a perpetual contract on USDC" in page(trader, currency="USDC")


def test_every_answer_to_a_hostile_question_is_a_page(trader: Client) -> None:
    for asked in (
        {"currency": "<script>"},
        {"proposal": "x" * 5000},
        {**TYPED, "quantity": "1e400"},
        {**TYPED, "quantity": "NaN", "price": "Infinity"},
        {**TYPED, "price": "-1", "time_in_force": "forever"},
        {**TYPED, "quantity": "1,5"},
        {**TYPED, "account": "nobody"},
    ):
        for path in (PATH, f"{PATH}rehearsed", f"{PATH}confirmation"):
            answer = trader.get(path, asked)
            assert answer.status_code == 200
            assert b"<script>" not in answer.content.replace(b"<script src", b"").replace(b"<script type", b"")


def test_the_rehearsal_shows_book_cost_effect_and_rules(trader: Client) -> None:
    html = page(trader, f"{PATH}rehearsed", **{**TYPED, "quantity": "30", "price": "2992.8"})
    assert html.count('class="ask') == html.count('class="bid') == 10
    assert html.count(" taken") == 1
    assert "The levels shown would fill it whole, at once." in html
    for id, value in (("net-before", "+30.000"), ("net-after", "0.000"), ("share-before", "120")):
        assert re.search(rf'id="ticket-{id}".*?<b>([^<]*)</b>', html)[1] == value, id  # type: ignore[index]
    assert "size of one order" in html
    assert "Every rule is kept." in html


def test_a_broken_rule_is_shown_with_limit_value_and_unit(trader: Client) -> None:
    html = page(trader, f"{PATH}rehearsed", **{**TYPED, "quantity": "45"})
    assert re.search(r"size of one order</th><td class=\"n\">45</td><td class=\"n\">40</td><td>ETH</td>", html)
    assert 'data-refused="yes"' in html


def test_a_size_that_is_no_number_is_said_and_the_book_stays(trader: Client) -> None:
    html = page(trader, f"{PATH}rehearsed", **{**TYPED, "quantity": "a few"})
    assert "size: Enter a number." in html
    assert html.count('class="ask') == 10


def test_without_a_depth_cost_is_not_known_and_the_rest_is(trader: Client, at: datetime) -> None:
    with redis.from_url(configured.REDIS_URL) as store:
        store.delete(DEPTHS)
    html = page(trader, f"{PATH}rehearsed", **TYPED)
    assert "The book is not known" in html
    assert "not known" in html[html.index("cost-title") :]
    assert "Every rule is kept." in html


def test_an_old_depth_is_marked_stale(trader: Client, at: datetime) -> None:
    posted(quoted(at), depths(at - timedelta(seconds=90)))
    html = page(trader, f"{PATH}rehearsed", **TYPED)
    assert 'class="ladder stale"' in html
    assert "stale 90 s" in html


def test_a_fee_is_what_the_last_fill_paid_and_otherwise_not_known(trader: Client, at: datetime) -> None:
    assert re.search(r"fee USDT</dt><dd class=\"unknown\">not known", page(trader, f"{PATH}rehearsed", **TYPED))
    Fill.objects.create(
        from_seq=1, account=USDM, instrument=LINEAR, trade_id="1", venue_order_id="1", side="sell", price=D(3000),
        quantity=D(2), fee=D("2.4"), fee_asset="USDT", is_maker=False, at=at,
    )  # fmt: skip
    html = page(trader, f"{PATH}rehearsed", **TYPED)
    assert "<dt>fee USDT</dt><dd>6.00</dd>" in html  # 4 bp of 5 at 2999.9
    assert "paid 4.00 bp" in html


def test_with_the_board_away_the_log_fills_it_in_and_the_sender_asks_for_a_mark(trader: Client, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    html = page(trader, instrument=LINEAR)
    assert fields(html)["quantity"] == "30"
    assert "The book is not known" in html
    assert "the worker asks the venue for one before it sends" in html
    assert "asked when sent" in html
    assert 'data-refused=""' in html


def test_a_halt_refuses_and_says_whose(trader: Client, at: datetime) -> None:
    written(HaltDeclared(at=at, halt_id="h", scope="*", by="bob", reason="odd prices"), at=at)
    html = page(trader, f"{PATH}rehearsed", **TYPED)
    assert "halts in force" in html
    assert "bob declared" in html
    assert "data-confirm-send" not in page(trader, f"{PATH}confirmation", **TYPED)


def test_a_flat_book_offers_nothing(trader: Client, at: datetime) -> None:
    written(balance(COINM, "ETH", "0", datetime.now(UTC)), at=at)
    html = page(trader, currency="ETH")
    assert "ETH is flat: there is nothing to hedge" in html


def test_who_may_not_send_sees_it_and_cannot_change_or_send_it() -> None:
    client = somebody("admin")
    html = page(client, currency="ETH")
    assert "Read only: your role does not send orders" in html
    assert "data-ticket-send" not in html
    form = html[html.index('id="ticket-form"') :]
    assert "<select" not in form[: form.index("</form>")]
    assert "data-confirm-send" not in page(client, f"{PATH}confirmation", **TYPED)
    assert client.post(PATH, TYPED).status_code == 403
    assert count("OrderIntended") == 0


def test_the_confirmation_says_the_order_in_one_sentence_with_its_environment(trader: Client) -> None:
    html = page(trader, f"{PATH}confirmation", **TYPED)
    assert (
        "Sell 5.000 contracts (5.0000 ETH) of ETH-USDT-PERP in binance-usdm:main at 2,995.00 USDT or better, at once, "
        "what does not fill is canceled." in html
    )
    assert "Send order in SANDBOX" in html
    sent = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', html))
    assert {name: sent[name] for name in TYPED} == TYPED


def test_sending_leads_to_the_order_and_sending_again_to_the_same(trader: Client) -> None:
    first = trader.post(PATH, TYPED)
    again = trader.post(PATH, TYPED)
    assert (first.status_code, first.url) == (302, again.url)  # type: ignore[attr-defined]
    assert re.fullmatch(r"/orders/hg[a-z2-7]{26}/", first.url)  # type: ignore[attr-defined]
    assert (count("OrderIntended"), Work.objects.count()) == (1, 1)


def test_a_used_ticket_that_was_changed_is_refused(trader: Client) -> None:
    trader.post(PATH, TYPED)
    answer = trader.post(PATH, {**TYPED, "quantity": "6"})
    assert answer.status_code == 409
    assert "a fresh ticket expected" in answer.content.decode()
    assert count("OrderIntended") == 1


def test_a_refused_order_is_said_by_rule_and_leaves_what_was_typed(trader: Client) -> None:
    answer = trader.post(PATH, {**TYPED, "quantity": "45"})
    html = answer.content.decode()
    assert answer.status_code == 409
    assert "an order of at most 40 ETH expected, found 45 ETH" in html
    assert (fields(html)["quantity"], fields(html)["reason"]) == ("45", "out of its band")
    assert count("OrderIntended") == 0


@pytest.mark.parametrize("broken", [{"nonce": ""}, {"quantity": "x"}, {"side": "up"}, {"reason": "x" * 501}])
def test_a_form_that_no_page_sends_is_a_bad_request(trader: Client, broken: dict[str, str]) -> None:
    assert trader.post(PATH, {**TYPED, **broken}).status_code == 400
    assert count("OrderIntended") == 0


def test_a_proposal_is_closed_by_sending_its_ticket(trader: Client, at: datetime) -> None:
    proposed(at)
    trader.post(PATH, {**TYPED, "proposal": "ETH-1"})
    assert count("ProposalClosed") == 1
