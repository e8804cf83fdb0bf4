"""The page of the gate: a form that changes it line by line, and two people who sign what they looked at."""

import html
import re
from typing import Any

import pytest
from django.test import Client

from hedgeapp.core.events.passkeys import CONSOLE
from hedgeapp.core.passkeys import bytes_of
from portfolio.core.gate_payloads import agreement_hash
from portfolio.operations.moves.people import SEED
from portfolio.queries.books import current_book
from tests.builders.books import reference
from tests.builders.desks import written
from tests.builders.gates import ONE, Holder, agreed, client_of, holder, proposed, wanted
from tests.builders.keyholders import now
from tests.builders.moves import ALL_CAP, DESTINATIONS, gate_change
from tests.builders.moves import agreed as forged

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

EDIT = "/gate/edit/policy/"
RULE = {
    "name": "small",
    "outcome": "ask",
    "quotas": "1 of approver",
    "kinds": ["delegate", "undelegate"],
    "assets": "stETH, ETH",
    "sources": "",
    "destinations": "",
    "venues": "binance-usdm",
    "proposers": "person",
    "amount_usd_max": "5,000,000",
    "amount_max": "",
    "velocity_usd_max": "10000000",
    "velocity_window_s": "24 h",
    "hours": "22 to 6",
    "totp_usd_max": "",
}


@pytest.fixture
def dan(transactional_db: None) -> Holder:
    written(*reference(), at=now())
    return holder("dan", "risk")


@pytest.fixture
def eve(dan: Holder) -> Holder:
    return holder("eve", "approver")


def fields(*lines: dict[str, Any], **more: str) -> dict[str, Any]:
    return {f"line-{number}-{name}": value for number, line in enumerate(lines) for name, value in line.items()} | more


def names(page: str) -> list[str]:
    return re.findall(r'name="line-\d+-name" value="([^"]*)"', page)


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found
    return html.unescape(found[1])


def asked(page: str) -> bytes:
    found = re.search(r'data-assert="([^"]*)"', page)
    assert found
    return bytes_of(found[1])


def previewed(client: Client, *lines: dict[str, Any], **more: str) -> str:
    answer = client.post(EDIT, fields(*lines, do="preview", **{"reason": "first rules", **more}))
    assert answer.status_code == 200, answer.content.decode()
    return answer.content.decode()


def test_a_policy_is_typed_looked_at_signed_and_agreed_to(dan: Holder, eve: Holder) -> None:
    first, second = client_of(dan[0]), client_of(eve[0])
    page = previewed(first, RULE)
    assert "ask 1 of approver" in page
    assert "10,000,000 USD in 24 h" in page
    given = {"change": hidden(page, "change"), "assertion": dan[1].assertion(asked(page))}
    answer = first.post(f"{EDIT}propose", given, follow=True)
    assert "Another person must agree" in answer.content.decode()
    (change,) = current_book().gate.waiting
    path = f"/gate/changes/{change.change_id}/"
    assert "You proposed it. Another person must agree" in first.get(path).content.decode()
    seen = second.get(path).content.decode()
    assert asked(seen) == agreement_hash(change)
    done = second.post(f"{path}agree", {"assertion": eve[1].assertion(asked(seen))}, follow=True).content.decode()
    assert "You agreed. It holds from" in done
    assert "both signed" in done
    (rule,) = current_book().gate.rules(now())
    assert (rule.name, rule.assets, rule.hours, rule.velocity_window_s) == ("small", ("stETH", "ETH"), (22, 6), 86_400)


def test_lines_are_added_removed_and_moved_without_losing_what_was_typed(dan: Holder) -> None:
    client = client_of(dan[0])
    two = [RULE, RULE | {"name": "large", "amount_usd_max": "not a number"}]

    def after(what: str) -> list[str]:
        return names(client.post(EDIT, fields(*two, do=what)).content.decode())

    assert after("up-1") == ["large", "small"]
    assert after("down-0") == ["large", "small"]
    assert after("up-0") == ["small", "large"]
    assert after("remove-0") == ["large"]
    assert after("remove-7") == ["small", "large"]
    page = client.post(EDIT, fields(*two, do="add")).content.decode()
    assert page.count("<fieldset") == 3
    assert 'value="not a number"' in page


def test_what_cannot_be_read_or_meant_is_said_in_sentences_and_kept(dan: Holder) -> None:
    client = client_of(dan[0])
    wrong = RULE | {"quotas": "everybody", "velocity_window_s": "long", "hours": "noon", "amount_usd_max": "-1"}
    answer = client.post(EDIT, fields(wrong, do="preview"))
    page = html.unescape(answer.content.decode())
    assert answer.status_code == 400
    for said in ("groups like 2 of approver", "a span like 24 h", "hours like 22 to 6", "greater than or equal to 0"):
        assert said in page
    assert 'value="everybody"' in page
    answer = client.post(EDIT, fields(RULE | {"assets": "DOGE"}, do="preview", reason="why not"))
    assert answer.status_code == 400
    assert "a known asset expected, found 'DOGE'" in html.unescape(answer.content.decode())
    assert "a reason expected, found none" in client.post(EDIT, fields(RULE, do="preview")).content.decode()


def test_a_preview_can_be_edited_again(dan: Holder, eve: Holder) -> None:
    client = client_of(dan[0])
    page = previewed(client, RULE)
    again = client.post(EDIT, {"change": hidden(page, "change"), "reason": "first rules", "do": "again"})
    assert names(again.content.decode()) == ["small"]
    assert 'value="5,000,000"' in again.content.decode()


def test_what_was_changed_after_the_preview_is_refused(dan: Holder, eve: Holder) -> None:
    client = client_of(dan[0])
    page = previewed(client, RULE)
    looser = hidden(page, "change").replace('"needed":1', '"needed":2')
    answer = client.post(f"{EDIT}propose", {"change": looser, "assertion": dan[1].assertion(asked(page))})
    assert answer.status_code in (400, 409)
    assert current_book().gate.waiting == ()
    assert client.post(f"{EDIT}propose", {"change": "{}"}).status_code == 400
    assert client.post("/gate/edit/weather/", {}).status_code == 404


def test_the_page_shows_each_part_with_what_is_used_of_the_caps(dan: Holder, eve: Holder) -> None:
    client = client_of(eve[0])
    assert "Without a policy every move is refused." in client.get("/gate/").content.decode()
    agreed(proposed(wanted("policy", dan, rules=(ONE,)), dan), eve)
    agreed(proposed(wanted("caps", dan, caps=(ALL_CAP,)), dan), eve)
    agreed(proposed(wanted("destinations", dan, destinations=DESTINATIONS[:2]), dan), eve)
    page = client.get("/gate/").content.decode()
    assert page.count("both signed") == 3
    assert "20,000,000 USD" in page
    assert "0 USD <meter" in page
    assert "Change…" not in page
    assert "Change…" in client_of(dan[0]).get("/gate/").content.decode()


def test_a_part_that_nobody_signed_is_called_so_and_the_seed_of_a_sandbox_by_its_name(dan: Holder, eve: Holder) -> None:
    policy, caps = (
        gate_change("policy", at=now(), rules=(ONE,)),
        gate_change("caps", by=SEED, at=now(), caps=(ALL_CAP,)),
    )
    written(policy, forged(policy, at=now()), caps, forged(caps, by=CONSOLE, at=now()), at=now())
    page = html.unescape(client_of(eve[0]).get("/gate/").content.decode())
    assert "version 1 of the policy: a signature of dan expected, found none: moves are refused." in page
    assert page.count("not proven") == 1
    assert "the sandbox's seed, signed by nobody" in page


def test_a_change_shows_line_by_line_what_it_does(dan: Holder, eve: Holder) -> None:
    agreed(proposed(wanted("destinations", dan, destinations=DESTINATIONS[:2]), dan), eve)
    lines = (DESTINATIONS[1], DESTINATIONS[2])
    change = proposed(wanted("destinations", dan, 2, destinations=lines), dan)
    page = client_of(eve[0]).get(f"/gate/changes/{change.change_id}/").content.decode()
    assert "added" in page
    assert "removed" in page
    assert "<ins>custodian: ceffu; way: 0xw2; for: transfer</ins>" in page
    assert "destination w2 was never stated by ceffu" in page
    dropped = client_of(eve[0]).post(f"/gate/changes/{change.change_id}/drop", {"reason": "a slip"}, follow=True)
    assert "It is dropped and will not come." in dropped.content.decode()


def test_the_first_person_cannot_agree_and_a_trader_can_do_nothing(dan: Holder, eve: Holder) -> None:
    change = proposed(wanted("policy", dan, rules=(ONE,)), dan)
    path = f"/gate/changes/{change.change_id}/"
    own = client_of(dan[0]).post(f"{path}agree", {"assertion": dan[1].assertion(agreement_hash(change))})
    assert own.status_code == 403
    assert "another person than dan expected" in own.content.decode()
    trader = client_of(holder("tom", "trader", by=dan)[0])
    assert trader.get(path).status_code == 200
    assert [trader.post(f"{path}{what}").status_code for what in ("agree", "drop")] == [403, 403]
    assert trader.get(EDIT).status_code == 403
