"""The page of breaks: what is open on top, all of them below, one with both sides, and who may do what about it."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from hedgeapp.access.roles import grant_roles
from hedgeapp.core.differences import Difference, Evidence
from hedgeapp.core.events.breaks import BalanceAnchored
from hedgeapp.core.events.trading import FillRecorded
from hedgeapp.eventlog import codec
from hedgeapp.eventlog.models import LoggedEvent
from reconciliation.queries import breaks as queries
from tests.builders.books import reference
from tests.builders.breaks import difference
from tests.builders.broken import found, seen, told
from tests.builders.log import fill

D = Decimal
PATH = "/breaks/"
pytestmark = pytest.mark.usefixtures("transactional_db", "screen_store")


def somebody(name: str, role: str = "") -> Client:
    grant_roles()
    user = User.objects.create_user(name)
    if role:
        user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


def html(client: Client, path: str = PATH, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status
    return answer.content.decode()


def items(page: str, after: str = "open-title") -> list[str]:
    return re.findall(r'title="[^"]*">([^<]+)</a></th>', page.partition(after)[2].partition("</section>")[0])


def a_balance(item: str = "USDT", usd: str | None = "5000", **changed: Any) -> Difference:
    return difference(item=item, unit=item, usd=None if usd is None else D(usd), **changed)


def a_missed_fill() -> tuple[Difference, Evidence]:
    missed = fill(77)
    kind, body = codec.encode(missed)
    fields = ("side", "quantity", "price", "fee", "fee_asset", "venue_order_id")
    theirs = tuple((name, str(getattr(missed, name))) for name in fields)
    item = f"{missed.instrument}:77"
    made = difference(kind="fill", item=item, ours=(), theirs=theirs, amount=None, unit="", usd=D("3717.23"))
    return made, Evidence(kind=kind, body=body.decode())


def act(client: Client, break_id: str, action: str, text: str = "because", seen: int | None = None) -> int:
    """Do something as the page that shows the break now would, or one that showed it as of another event."""
    known = queries.one(break_id)
    given = {"text": text, "seen": seen if seen is not None else known.seq if known else 0}
    return client.post(f"{PATH}{break_id}/{action}", given).status_code


def state(break_id: str) -> str:
    one = queries.one(break_id)
    assert one is not None
    return one.state


def test_before_the_first_run_the_page_says_what_will_come() -> None:
    page = html(somebody("ann"))
    assert "Nothing was compared yet" in page
    assert "There never was a break" in page
    assert 'aria-current="page" data-go="b">Breaks' in page


def test_open_breaks_stand_on_top_the_worst_and_largest_first_with_age_and_usd() -> None:
    found(a_balance("ETH", "50"), a_balance("BTC", None), a_balance("USDC", "9000"), at=ago(400))
    seen(a_balance("ETH", "50"), a_balance("BTC", None), a_balance("USDC", "9000"), a_balance("USDT"), at=ago(100))
    page = html(somebody("ann"))
    assert items(page) == ["BTC", "USDC", "ETH"]  # what is only seen is no break
    assert "not known" in page
    assert "9,000.00" in page
    assert "5 min" in page
    assert "account:binance-usdm:main" in page


def test_the_open_breaks_follow_by_themselves_and_an_answer_that_says_nothing_new_is_empty() -> None:
    (name,) = found(a_balance(), at=ago(200))
    client = somebody("ann")
    page = html(client)
    (path,) = re.findall(r'hx-get="(/breaks/open/[^"]+)"', page)
    assert client.get(path).status_code == 204
    seen(at=ago(10))
    changed = html(client, path)
    assert name not in changed
    assert "Both sides say the same" in changed


def test_breaks_are_filtered_by_state_kind_severity_assignee_and_text() -> None:
    missed, fact = a_missed_fill()
    (big, fill_id, small) = found(a_balance(), missed, a_balance("ETH", "1"), at=ago(500), facts=[fact])
    client = somebody("ann", "admin")
    assert act(client, big, "take") == 302

    def listed(query: str) -> list[str]:
        return items(html(client, f"{PATH}?{query}"), "breaks-title")

    assert len(listed("")) == 3
    assert listed("kind=fill") == [missed.item]
    assert listed("severity=minor") == ["ETH"]
    assert listed("assignee=ann") == ["USDT"]
    assert listed("text=PERP%3A77") == [missed.item]
    assert listed(f"text={small}") == ["ETH"]
    assert listed("state=verified") == []
    assert listed("venue=okx") == []
    assert "One of" not in html(client, f"{PATH}?state=nonsense", status=400)
    assert state(fill_id) == "found"


def test_a_past_page_is_the_same_query_at_another_event() -> None:
    found(a_balance(), at=ago(600))
    then = LoggedEvent.objects.latest("seq").seq
    seen(at=ago(300))
    client = somebody("ann")
    assert items(html(client)) == []
    past = html(client, f"{PATH}?at={then}")
    assert items(past) == ["USDT"]
    assert "Nothing here moves" in past
    assert "hx-get" not in past.partition('id="breaks-open"')[2].partition("</section>")[0]


def test_a_break_shows_both_sides_its_evidence_and_its_timeline() -> None:
    missed, fact = a_missed_fill()
    (name,) = found(missed, at=ago(200), facts=[fact])
    page = html(somebody("ann"), f"{PATH}{name}/")
    assert "we have none" in page
    assert "3012.34" in page
    assert "&quot;trade_id&quot;:&quot;77&quot;" in page
    assert "can be healed by 1 facts" in page
    assert page.index("critical break") < page.index("difference fill-")


def test_a_viewer_sees_no_buttons_and_his_requests_are_refused() -> None:
    (name,) = found(a_balance(), at=ago(200))
    viewer = somebody("vic")
    page = html(viewer, f"{PATH}{name}/").partition('id="main"')[2].partition('id="live"')[0]
    assert "<button" not in page
    assert "<form" not in page
    for action in ("take", "assign", "investigate", "explain", "heal", "accept", "withdraw"):
        assert act(viewer, name, action) == 403
    assert state(name) == "found"


def test_risk_looks_after_breaks_and_does_not_close_them() -> None:
    (name,) = found(a_balance(), at=ago(200))
    desk = somebody("tim", "risk")
    page = html(desk, f"{PATH}{name}/")
    assert "Explain" in page
    assert "ccept</button>" not in page
    assert act(desk, name, "investigate", "asked the venue") == 302
    assert state(name) == "investigated"
    assert act(desk, name, "explain", "a rebate") == 302
    assert state(name) == "explained"
    assert act(desk, name, "accept") == 403


def test_what_raises_backing_is_healed_by_two_people_on_the_page() -> None:
    anchor = BalanceAnchored(
        at=ago(900), account="binance-usdm:main", asset="USDT", total=D(1000), booked=D(0), by="reconciliation"
    )
    told(*reference(), anchor, at=ago(900))
    (name,) = found(a_balance(), at=ago(200))
    ann, bob = somebody("ann", "admin"), somebody("bob", "approver")
    page = html(ann, f"{PATH}{name}/")
    assert "Ask to heal" in page
    assert "Needs two people" in page
    assert act(ann, name, "heal", "a rebate") == 302
    assert state(name) == "found"
    assert act(ann, name, "heal", "me again") == 403
    assert act(bob, name, "accept", "another thing") == 400
    page = html(bob, f"{PATH}{name}/")
    assert "ann asks to heal it: a rebate" in page
    assert "Approve: heal" in page
    assert "Approve: heal" not in html(ann, f"{PATH}{name}/")
    assert act(bob, name, "heal", "seen it") == 302
    assert state(name) == "healed"
    assert act(bob, name, "heal", "once more") == 409


def test_nobody_closes_a_break_that_changed_since_he_saw_it() -> None:
    told(*reference(), at=ago(900))
    missed, fact = a_missed_fill()
    (name,) = found(missed, at=ago(200), facts=[fact])
    ann, bob = somebody("ann", "admin"), somebody("bob", "approver")
    (seen_by_bob,) = re.findall(r'name="seen" value="(\d+)"', html(bob, f"{PATH}{name}/"))
    assert act(ann, name, "heal", "they list it") == 302
    assert act(bob, name, "heal", "I wanted to be the first", seen=int(seen_by_bob)) == 409
    assert state(name) == "found"
    assert bob.post(f"{PATH}{name}/heal", {"text": "no page at all"}).status_code == 409


def test_a_missed_fill_that_is_healed_is_in_the_log_as_the_venues_own_fact() -> None:
    told(*reference(), at=ago(900))
    missed, fact = a_missed_fill()
    (name,) = found(missed, at=ago(200), facts=[fact])
    assert act(somebody("ann", "admin"), name, "heal", "they list it") == 302
    assert act(somebody("bob", "approver"), name, "heal", "they do") == 302
    row = LoggedEvent.objects.get(kind=FillRecorded.__name__)
    assert bytes(row.body).decode() == fact.body


def test_no_reason_no_step() -> None:
    (name,) = found(a_balance(), at=ago(200))
    client = somebody("ann", "admin")
    for action in ("investigate", "explain", "accept"):
        assert act(client, name, action, "  ") == 400
        assert act(client, name, action, "x" * 501) == 400
    assert act(client, name, "assign", "nobody-here") == 400
    assert state(name) == "found"


def test_what_never_was_is_not_found() -> None:
    client = somebody("ann", "admin")
    html(client, f"{PATH}balance-000000000000/", status=404)
    assert act(client, "balance-000000000000", "explain") == 404
    (name,) = found(a_balance(), at=ago(200))
    assert act(client, name, "destroy") == 404
