"""The admin of reference data changes it by operations only."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client

from hedgeapp.core.reference import Account
from marketdata import models
from marketdata.core.admission import LIMIT_KINDS
from marketdata.models.limit_help import SAID
from marketdata.operations.changes import change
from marketdata.operations.credentials import set_credential
from marketdata.queries.catalogue import reference
from marketdata.queries.credentials import keys_of
from tests.operations.test_reference import AT, ETH, INSTRUMENT, USDT, VENUE
from tests.operations.test_reference import seeded as seed_rows

pytestmark = pytest.mark.django_db

ASSET = {
    "symbol": "ETH",
    "name": "Ether",
    "decimals": "18",
    "underlying": "ETH",
    "assumed_usd": "",
    "reason": "our first coin",
    "version_seen": "0",
}
INSTRUMENT_URL = "/admin/marketdata/instrument/binance-usdm_3AETH-USDT-PERP/change/"


@pytest.fixture
def admin_page() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("alice", password=None))
    return client


def person(role: str) -> Client:
    client = Client()
    user = User.objects.create_user("bob", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client.force_login(user)
    return client


def kinds() -> list[str]:
    """Return what changed, in the log's order; that somebody sent a form is told apart from it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT kind FROM eventlog_event WHERE kind <> 'PersonActed' ORDER BY seq")
        return [kind for (kind,) in cursor]


def form_of(client: Client, url: str) -> dict[str, Any]:
    """Return what a browser would send if the form were sent as it is shown."""
    context = client.get(url).context
    forms = [context["adminform"].form]
    for inline in context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    shown = {field.html_name: field.value() for form in forms for field in form}
    return {name: value for name, value in shown.items() if value is not None and value is not False}


def test_a_row_is_added_as_an_event_in_the_name_of_the_person(admin_page: Client) -> None:
    answer = admin_page.post("/admin/marketdata/asset/add/", ASSET)
    assert answer.status_code == 302, answer.context["errors"]
    assert kinds() == ["AssetChanged"]
    row = models.Asset.objects.get()
    assert (row.version, row.changed_by) == (1, "alice")
    assert not LogEntry.objects.exists()


def test_a_reason_is_required(admin_page: Client) -> None:
    answer = admin_page.post("/admin/marketdata/asset/add/", {**ASSET, "reason": " "})
    assert "reason" in answer.context["adminform"].form.errors
    assert kinds() == []


def test_a_refusal_is_shown_in_the_form_with_what_was_typed(admin_page: Client) -> None:
    answer = admin_page.post("/admin/marketdata/asset/add/", {**ASSET, "underlying": "DOGE"})
    assert answer.status_code == 200
    assert "a known asset expected, found &#x27;DOGE&#x27;" in answer.content.decode()
    assert 'value="DOGE"' in answer.content.decode()
    assert kinds() == []
    assert not models.Asset.objects.exists()


def test_a_contract_size_of_zero_is_refused_in_the_form(admin_page: Client) -> None:
    seed_rows()
    given = form_of(admin_page, INSTRUMENT_URL)
    answer = admin_page.post(INSTRUMENT_URL, {**given, "contract_size": "0", "reason": "a slip"})
    assert "contract_size: more than 0 expected, found 0" in answer.content.decode()
    assert reference().instruments[INSTRUMENT.id] == INSTRUMENT


def test_an_instrument_and_its_tiers_change_in_one_event(admin_page: Client) -> None:
    seed_rows()
    given = form_of(admin_page, INSTRUMENT_URL)
    given |= {"contract_size": "10", "tiers-1-DELETE": "on", "reason": "the venue said so"}
    answer = admin_page.post(INSTRUMENT_URL, given)
    assert answer.status_code == 302, answer.context["errors"]
    changed = reference().instruments[INSTRUMENT.id]
    assert (changed.contract_size, changed.tiers) == (Decimal(10), INSTRUMENT.tiers[:1])
    assert kinds()[4:] == ["InstrumentChanged"]


def test_a_tier_can_be_added(admin_page: Client) -> None:
    seed_rows()
    given = form_of(admin_page, INSTRUMENT_URL)
    given |= {"tiers-TOTAL_FORMS": "3", "reason": "the venue added one"}
    given |= {
        "tiers-2-floor": "600000",
        "tiers-2-cap": "3000000",
        "tiers-2-maintenance_rate": "0.0065",
        "tiers-2-deduction": "950",
        "tiers-2-leverage_max": "75",
        "tiers-2-growth": "0",
        "tiers-2-unit": "value",
    }
    answer = admin_page.post(INSTRUMENT_URL, given)
    assert answer.status_code == 302, answer.context["errors"]
    assert [tier.cap for tier in reference().instruments[INSTRUMENT.id].tiers] == [50_000, 600_000, 3_000_000]


def test_saving_what_is_shown_changes_nothing(admin_page: Client) -> None:
    seed_rows()
    before = kinds()
    answer = admin_page.post(INSTRUMENT_URL, {**form_of(admin_page, INSTRUMENT_URL), "reason": "none"}, follow=True)
    assert "nothing was logged" in answer.content.decode()
    assert kinds() == before


def test_a_form_that_was_overtaken_is_refused(admin_page: Client) -> None:
    change(USDT, by="bob", reason="", at=AT)
    url = "/admin/marketdata/asset/USDT/change/"
    given = {**form_of(admin_page, url), "name": "Tether USD", "reason": "its full name"}
    assert admin_page.post(url, given).status_code == 302
    answer = admin_page.post(url, {**given, "name": "tether"})
    assert "version 1 expected, found 2" in answer.content.decode()


def test_the_key_of_a_row_cannot_be_changed(admin_page: Client) -> None:
    change(ETH, by="bob", reason="", at=AT)
    url = "/admin/marketdata/asset/ETH/change/"
    assert "symbol" not in form_of(admin_page, url)


def test_history_is_read_from_the_log(admin_page: Client) -> None:
    seed_rows()
    page = admin_page.get(INSTRUMENT_URL.replace("change", "history")).content.decode()
    assert "for the test" in page
    assert "contract_size: (nothing) → 1" in page


def test_nothing_can_be_deleted(admin_page: Client) -> None:
    change(ETH, by="bob", reason="", at=AT)
    assert admin_page.post("/admin/marketdata/asset/ETH/delete/", {"post": "yes"}).status_code == 403
    assert "delete_selected" not in admin_page.get("/admin/marketdata/asset/").content.decode()


def test_keys_go_in_and_never_come_out(admin_page: Client) -> None:
    change(VENUE, by="bob", reason="", at=AT)
    account = Account(name="binance-usdm:main", venue="binance-usdm", label="main", instruments=())
    change(account, by="bob", reason="", at=AT)
    set_credential(account.name, api_key="key-of-main", secret="correct-horse", by="bob", at=AT)
    url = f"/admin/marketdata/credential/{models.Credential.objects.get().pk}/change/"
    given = {"api_key": "new-key", "secret": "battery", "passphrase": "staple", "reason": "older than a year"}
    assert admin_page.post(url, given).status_code == 302
    assert keys_of(account.name).api_key == "key-of-main"  # until another person agrees
    for page in (url, "/admin/marketdata/credential/", "/sources/"):
        shown = admin_page.get(page).content.decode()
        assert "key-of-main" not in shown
        assert "new-key" not in shown
        assert "battery" not in shown
        assert "staple" not in shown


def test_keys_that_are_refused_are_not_shown_again(admin_page: Client) -> None:
    given = {"holder": "nobody", "purpose": "read", "api_key": "key-of-main", "secret": "correct-horse", "reason": "x"}
    shown = admin_page.post("/admin/marketdata/credential/add/", given).content.decode()
    assert "an account, a custodian or an oracle expected" in shown
    assert "correct-horse" not in shown


def test_risk_changes_limits_and_sees_the_rest() -> None:
    seed_rows()
    client = person("risk")
    assert client.get("/admin/marketdata/limit/add/").status_code == 200
    assert client.get("/admin/marketdata/asset/add/").status_code == 403
    given = {"name": "Ether", "decimals": "18", "underlying": "ETH", "reason": "mine", "version_seen": "1"}
    assert client.post("/admin/marketdata/asset/ETH/change/", given).status_code == 403
    page = client.get(INSTRUMENT_URL).content.decode()
    assert 'name="contract_size"' not in page
    assert 'name="tiers-0-floor"' not in page
    assert "50000" in page


def test_every_page_of_reference_data_shows_units_and_no_inline_script(admin_page: Client) -> None:
    seed_rows()
    for name in ("asset", "venue", "account", "instrument", "custodian", "chain", "limit", "credential"):
        for page in ("", "add/"):
            answer = admin_page.get(f"/admin/marketdata/{name}/{page}")
            assert answer.status_code == 200
            html = answer.content.decode()
            scripts = re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", html)
            assert all('type="application/json"' in script or "nonce" in script for script in scripts), scripts
            assert not re.search(r"\son\w+=|\sstyle=", html)
    assert "settlement asset" in admin_page.get(INSTRUMENT_URL).content.decode()


@pytest.mark.parametrize("model", models.Row.__subclasses__())
def test_each_field_is_explained(model: type[models.Row]) -> None:
    assert not [field.name for field in model._meta.fields if not field.help_text]


def test_every_kind_of_limit_is_explained_where_limits_are_set() -> None:
    assert SAID.keys() == LIMIT_KINDS.keys()
