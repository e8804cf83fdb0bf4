"""The API of prices: who is let in, what is told, how it is refused; its keys in the admin."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from django.conf import settings as configured
from django.contrib.auth.models import Group, User
from django.test import Client
from pytest_django.fixtures import Settings as Configured

from hedgeapp.access import api_keys, pace
from hedgeapp.access.api_keys import Asked, hand_out, revoke
from hedgeapp.access.models import ApiKey
from hedgeapp.access.roles import grant_roles
from hedgeapp.eventlog.models import LoggedEvent
from portfolio.api_documents import CapacityDocument, Prices
from portfolio.core.capacity import capacities
from portfolio.core.minting import Standing
from portfolio.core.price_sheets import asset_ladder, offered, sheet_of
from portfolio.screen import ladder_documents
from portfolio.screen.ladder_stream import CAPACITY, PRICES
from tests.builders.api_keys import key, key_id
from tests.builders.books import AT
from tests.builders.prices import market

OPEN = Standing()
PATHS = ("/api/v1/prices", "/api/v1/prices/stETH", "/api/v1/capacity", "/api/v1/status")


def documents(stands: Standing = OPEN) -> dict[str, bytes]:
    here = market()
    rows = (asset_ladder(asset, here) for asset in offered(here))
    return {
        PRICES: ladder_documents.prices(sheet_of(here, rows), stands),
        CAPACITY: ladder_documents.capacity(AT, capacities(here.valuation, stands), stands),
    }


@pytest.fixture
def store() -> Iterator[Any]:
    with redis.from_url(configured.REDIS_URL) as found:
        found.mset(documents())
        yield found
        found.delete(PRICES, CAPACITY)


def get(path: str, token: str = "") -> Any:
    return Client().get(path, headers={"Authorization": f"Bearer {token}"} if token else {})


@pytest.mark.django_db(transaction=True)
class TestWhoIsLetIn:
    @pytest.mark.parametrize("path", PATHS)
    def test_a_key_with_both_scopes_reads_everything(self, store: Any, path: str) -> None:
        answer = get(path, key())
        assert answer.status_code == 200, answer.content
        assert answer.headers["Cache-Control"] == "no-store"

    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize(
        "shown", ["", "hk_nonsense", "hk_0123456789ab_" + "x" * 43, "hk_0123456789ab_" + "\u00e9" * 43]
    )
    def test_without_a_key_that_was_handed_out_nothing_is_told(self, store: Any, path: str, shown: str) -> None:
        answer = get(path, shown.encode().decode("latin-1"))
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert "an API key" in answer.json()["error"]

    def test_a_key_with_another_secret_is_none(self, store: Any) -> None:
        token = key()
        forged = token[:-1] + ("A" if token[-1] != "A" else "B")
        assert get("/api/v1/prices", forged).status_code == 401

    def test_a_key_in_the_address_or_a_persons_session_is_none(self, store: Any) -> None:
        token = key()
        assert get(f"/api/v1/prices?key={token}&authorization={token}").status_code == 401
        client = Client()
        client.force_login(User.objects.create_superuser("root"))
        assert client.get("/api/v1/prices").status_code == 401

    def test_a_key_without_the_scope_is_refused_in_a_sentence(self, store: Any) -> None:
        answer = get("/api/v1/capacity", key("prices:read"))
        assert answer.status_code == 403
        said = "a key with the scope capacity:read expected, found prices:read: ask for another"
        assert answer.json() == {"error": said, "code": None}
        assert get("/api/v1/status", key("capacity:read")).status_code == 200

    def test_a_key_that_expired_or_was_revoked_is_none(self, store: Any) -> None:
        now = datetime.now(UTC)
        past = now - timedelta(days=2)
        asked = Asked(
            name="Acme", scopes=("prices:read",), per_minute=9, expires_at=past + timedelta(days=1), reason="trial"
        )
        assert get("/api/v1/prices", hand_out(asked, by="ann", at=past)[1]).status_code == 401
        token = key()
        assert get("/api/v1/prices", token).status_code == 200
        revoke(key_id(token), by="ann", reason="lost", at=now)
        assert get("/api/v1/prices", token).status_code == 401

    def test_beyond_its_pace_a_key_waits(self, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        token = key(per_minute=2)
        # Two requests within one minute of the clock, or one that came into the next begins its count anew.
        answers = [get("/api/v1/status", token) for _ in range(6)]
        refused = [one for one in answers if one.status_code == 429]
        assert refused
        assert refused[0].json()["code"] == 28
        assert "at most 2 requests a minute expected" in refused[0].json()["error"]
        assert 1 <= int(refused[0].headers["Retry-After"]) <= 60
        assert get("/api/v1/status", key()).status_code == 200  # another key has a pace of its own

    def test_while_requests_cannot_be_counted_none_is_answered(self, settings: Configured) -> None:
        token = key()
        settings.REDIS_URL = "redis://127.0.0.1:9"
        pace._store.cache_clear()
        try:
            answer = get("/api/v1/prices", token)
            assert (answer.status_code, answer.json()["code"]) == (503, 1)
        finally:
            pace._store.cache_clear()


@pytest.mark.django_db(transaction=True)
class TestWhatIsTold:
    def test_what_the_engine_published_is_told_as_it_is_and_as_the_document_says(self, store: Any) -> None:
        told = get("/api/v1/prices", key())
        assert told.content == documents()[PRICES]
        found = Prices.model_validate_json(told.content)
        ladder = next(one for one in found.assets if one.asset == "stETH")
        assert [one.size for one in ladder.mint] == ["2", "4", "8", "16", "32", "64", "100"]
        CapacityDocument.model_validate_json(get("/api/v1/capacity", key()).content)

    def test_one_assets_ladder_is_told_alone_and_one_that_is_not_offered_is_refused(self, store: Any) -> None:
        assert [one["asset"] for one in get("/api/v1/prices/stETH", key()).json()["assets"]] == ["stETH"]
        answer = get("/api/v1/prices/DOGE", key())
        said = "one of the assets offered (ETH, USDT, stETH) expected, found 'DOGE'"
        assert (answer.status_code, answer.json()) == (404, {"error": said, "code": 2})

    def test_while_the_engine_is_silent_there_is_no_price_and_the_status_says_so(self, store: Any) -> None:
        store.delete(PRICES, CAPACITY)
        for path in PATHS[:3]:
            answer = get(path, key())
            assert (answer.status_code, answer.json()["code"]) == (503, 33)
        assert get("/api/v1/status", key()).json() == {"state": "silent", "at": None, "age_ms": None}

    def test_programs_are_told_that_it_is_closed_but_not_by_whom(self, store: Any) -> None:
        store.mset(documents(Standing(halts=("HALT everywhere by ann: drill",))))
        answer = get("/api/v1/prices", key())
        assert answer.json()["state"] == "paused"
        assert b"ann" not in answer.content

    def test_the_explorer_and_the_document_need_no_other_host(self, client: Client) -> None:
        page = client.get("/api/v1/explorer")
        assert page.status_code == 200
        text = page.content.decode()
        assert "http://" not in text
        assert "https://" not in text
        assert "/static/ninja/swagger-ui-bundle" in text
        found = client.get("/api/v1/openapi.json").json()
        assert set(found["paths"]) == {
            "/api/v1/prices",
            "/api/v1/prices/{asset}",
            "/api/v1/capacity",
            "/api/v1/status",
        }
        assert found["components"]["securitySchemes"]["ApiKey"] == {"type": "http", "scheme": "bearer"}


@pytest.mark.django_db(transaction=True)
class TestKeysInTheAdmin:
    FORM = {"name": "Acme", "scopes": ["prices:read"], "per_minute": "60", "days": "30", "reason": "they price with us"}

    def admin(self, role: str = "admin") -> Client:
        grant_roles()
        user = User.objects.create_user(role)
        user.groups.add(Group.objects.get(name=role))
        client = Client()
        client.force_login(user)
        return client

    def test_a_key_is_handed_out_by_an_event_shown_once_and_good(self, store: Any) -> None:
        client = self.admin()
        page = client.post("/admin/access/apikey/add/", self.FORM)
        text = page.content.decode()
        token = text[text.index("hk_") :].partition("<")[0]
        assert "no-store" in page.headers["Cache-Control"]
        assert get("/api/v1/prices", token).status_code == 200
        row = ApiKey.objects.get()
        assert (row.made_by, row.scopes, row.per_minute) == ("admin", "prices:read", 60)
        secret = token.split("_", 2)[2]
        assert secret not in str(vars(row))
        event = LoggedEvent.objects.get(kind="ApiKeyHandedOut")
        assert secret not in str(bytes(event.body))
        assert row.secret_hash in str(bytes(event.body))
        again = client.get(f"/admin/access/apikey/{row.pk}/change/").content.decode()
        assert secret not in again

    def test_a_key_is_revoked_by_an_event_and_good_for_nothing(self, store: Any) -> None:
        token, client = key(), self.admin()
        page = client.post(f"/admin/access/apikey/{key_id(token)}/change/", {"reason": "lost"})
        assert "revoked" in page.content.decode()
        assert get("/api/v1/prices", token).status_code == 401
        assert LoggedEvent.objects.filter(kind="ApiKeyRevoked").count() == 1

    @pytest.mark.parametrize("role", ["risk", "auditor"])
    def test_whoever_may_not_hand_out_does_not(self, store: Any, role: str) -> None:
        token, client = key(), self.admin(role)
        assert client.post("/admin/access/apikey/add/", self.FORM).status_code == 403
        assert client.post(f"/admin/access/apikey/{key_id(token)}/change/", {"reason": "x"}).status_code == 403
        assert get("/api/v1/prices", token).status_code == 200

    @pytest.mark.parametrize(
        "wrong", [{"days": "9999"}, {"per_minute": "0"}, {"scopes": ["everything"]}, {"reason": " "}, {"name": ""}]
    )
    def test_what_is_no_key_is_not_handed_out(self, wrong: dict[str, Any]) -> None:
        page = self.admin().post("/admin/access/apikey/add/", {**self.FORM, **wrong})
        assert "errorlist" in page.content.decode()
        assert not ApiKey.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": ""}, "a name of 1 to 60 printable characters expected"),
        ({"scopes": ()}, "scopes out of prices:read, capacity:read expected, found none"),
        ({"scopes": ("prices:write",)}, "found prices:write"),
        ({"per_minute": 0}, "1 to 6000 requests a minute expected, found 0"),
        ({"expires_at": AT}, "an end within the next 366 days expected"),
        ({"expires_at": AT + timedelta(days=400)}, "an end within the next 366 days expected"),
    ],
)
def test_the_operation_refuses_what_is_no_key(wrong: dict[str, Any], said: str) -> None:
    right: dict[str, Any] = {
        "name": "Acme",
        "scopes": ("prices:read",),
        "per_minute": 60,
        "expires_at": AT + timedelta(days=1),
        "reason": "trial",
    }
    with pytest.raises(api_keys.ApiKeyIsMalformed, match=said):
        hand_out(Asked(**{**right, **wrong}), by="ann", at=AT)
