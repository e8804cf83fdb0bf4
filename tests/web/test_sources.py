"""Other URLs and other keys take two people: one in the admin, one who signs on the page of sources."""

import html
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from hedgeapp.core.events.sources import CredentialChanged, SourceChangeAgreed, SourceChangeProposed
from hedgeapp.core.passkeys import bytes_of
from hedgeapp.core.reference import Account
from hedgeapp.eventlog.models import LoggedEvent
from marketdata.models import Credential, SourceChange
from marketdata.operations.changes import change
from marketdata.operations.sources import carry_out_due
from marketdata.queries.catalogue import reference
from marketdata.queries.credentials import keys_of
from portfolio.queries.books import current_book
from tests.builders.gates import Holder, client_of, holder
from tests.builders.keyholders import now
from tests.operations.test_reference import VENUE
from tests.web.test_admin_reference import form_of

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

SOURCES = "/sources/"
VENUE_URL = "/admin/marketdata/venue/binance-usdm/change/"
KEYS = "/admin/marketdata/credential/add/"
ACCOUNT = Account(name="binance-usdm:main", venue="binance-usdm", label="main", instruments=())
GIVEN = {
    "holder": ACCOUNT.name,
    "purpose": "trade",
    "api_key": "key-of-main",
    "secret": "correct-horse",
    "reason": "the old ones are a year old",
}


@pytest.fixture
def ann(transactional_db: None) -> Holder:
    for row in (VENUE, ACCOUNT):
        change(row, by="seed", reason="first", at=now())
    return holder("ann", "admin")


@pytest.fixture
def bob(ann: Holder) -> Holder:
    return holder("bob", "risk")


def moved(client: Client, url: str = "https://elsewhere.example.com") -> Any:
    given = form_of(client, VENUE_URL) | {"rest_url": url, "reason": "it moved"}
    return client.post(VENUE_URL, given, follow=True)


def asked(page: str) -> bytes:
    found = re.search(r'data-assert="([^"]*)"', page)
    assert found
    return bytes_of(found[1])


def agreed(by: Holder) -> Any:
    client, found = client_of(by[0]), SourceChange.objects.get()
    signed = by[1].assertion(asked(client.get(SOURCES).content.decode()))
    return client.post(f"{SOURCES}{found.change_id}/agree", {"assertion": signed}, follow=True)


def rest_url() -> str:
    return reference().venues["binance-usdm"].rest_url


def kinds() -> list[str]:
    """Return what changed, without who came and looked."""
    told = ("SourceChangeProposed", "SourceChangeAgreed", "SourceChangeDropped", "CredentialChanged", "VenueChanged")
    return list(LoggedEvent.objects.filter(kind__in=told).order_by("seq").values_list("kind", flat=True))


def test_another_url_waits_for_another_person(ann: Holder, bob: Holder) -> None:
    page = html.unescape(moved(client_of(ann[0])).content.decode())
    assert "Nothing is changed yet: another person must agree" in page
    assert "was changed successfully" not in page
    assert rest_url() == VENUE.rest_url
    seen = client_of(bob[0]).get(SOURCES).content.decode()
    assert "<ins>https://elsewhere.example.com</ins>" in seen
    assert "holds from" in agreed(bob).content.decode()
    assert rest_url() == "https://elsewhere.example.com"
    assert kinds()[-3:] == [SourceChangeProposed.__name__, SourceChangeAgreed.__name__, "VenueChanged"]
    changers = current_book().row_changes.by_whom({"venue:binance-usdm"}, now() - timedelta(minutes=5))
    assert {"ann", "bob"} <= set(changers)


def test_whoever_proposed_does_not_agree(ann: Holder) -> None:
    moved(client_of(ann[0]))
    page = client_of(ann[0]).get(SOURCES).content.decode()
    assert "You proposed it. Another person must agree" in page
    assert "data-assert" not in page
    path = f"{SOURCES}{SourceChange.objects.get().change_id}/agree"
    answer = client_of(ann[0]).post(path, {"assertion": ann[1].assertion(bytes(32))})
    assert (answer.status_code, rest_url()) == (403, VENUE.rest_url)


def test_switching_a_venue_off_takes_one_person(ann: Holder) -> None:
    client = client_of(ann[0])
    given = {name: value for name, value in form_of(client, VENUE_URL).items() if name != "is_enabled"}
    client.post(VENUE_URL, given | {"reason": "something is odd"})
    assert not reference().venues["binance-usdm"].is_enabled
    assert not SourceChange.objects.exists()


def test_keys_wait_sealed_and_are_used_when_another_person_agreed(ann: Holder, bob: Holder) -> None:
    page = client_of(ann[0]).post(KEYS, GIVEN, follow=True).content.decode()
    assert "Nothing is changed yet" in page
    assert not Credential.objects.exists()
    seen = client_of(bob[0]).get(SOURCES).content.decode()
    assert "correct-horse" not in seen
    assert "key-of-main" not in seen
    agreed(bob)
    assert keys_of(ACCOUNT.name, "trade").secret == "correct-horse"
    found = SourceChange.objects.get()
    assert (found.api_key_ciphertext, found.secret_ciphertext) == (None, None)
    assert kinds()[-1] == CredentialChanged.__name__
    assert not any(b"correct-horse" in bytes(body) for body in LoggedEvent.objects.values_list("body", flat=True))


def test_a_change_holds_after_its_cool_off(ann: Holder, bob: Holder, settings: Any) -> None:
    settings.SOURCE_COOL_OFF = timedelta(hours=1)
    moved(client_of(ann[0]))
    agreed(bob)
    assert (carry_out_due(now()), rest_url()) == (0, VENUE.rest_url)
    assert carry_out_due(now() + timedelta(hours=2)) == 1
    assert rest_url() == "https://elsewhere.example.com"


def test_a_change_that_was_overtaken_is_dropped(ann: Holder, bob: Holder) -> None:
    moved(client_of(ann[0]))
    change(replace(VENUE, is_enabled=False), by="cay", reason="odd", at=now())
    assert "overtaken by another and is dropped" in agreed(bob).content.decode()
    assert (rest_url(), SourceChange.objects.get().applied_at) == (VENUE.rest_url, None)


def test_a_second_change_of_the_same_row_waits_until_the_first_is_decided(ann: Holder, bob: Holder) -> None:
    moved(client_of(ann[0]))
    again = html.unescape(moved(client_of(ann[0]), "https://third.example.com").content.decode())
    assert "no change of venue:binance-usdm that waits expected, found one" in again
    found = SourceChange.objects.get()
    dropped = client_of(bob[0]).post(f"{SOURCES}{found.change_id}/drop", {"reason": "a slip"}, follow=True)
    assert "is dropped" in dropped.content.decode()
    assert "Nothing is changed yet" in moved(client_of(ann[0]), "https://third.example.com").content.decode()


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1",
        "https://localhost:1",
        "https://10.1.2.3",
        "https://169.254.169.254",
        "https://[::1]",
        "https://[::ffff:10.0.0.1]",
        "https://node.internal",
        "https://intranet",
        "https://0x7f000001",
    ],
)
def test_in_live_mode_a_venue_is_not_found_inside(ann: Holder, settings: Any, url: str) -> None:
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"hedgeapp_env": "LIVE"})
    page = html.unescape(moved(client_of(ann[0]), url).content.decode())
    assert "expected, found" in page
    assert not SourceChange.objects.exists()
