"""The custodian's webhooks: who is let in, what is kept, and that it is kept once."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from django.test import Client

from marketdata import models, views
from marketdata.operations import notices
from marketdata.webhooks import BODY_BYTES_MAX, BURST, REQUESTS_PER_S, Rate

pytestmark = pytest.mark.django_db(transaction=True)

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ADDRESS = "/webhooks/ceffu/ceffu"


@pytest.fixture(autouse=True)
def _key_of_the_custodian(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.WEBHOOK_KEYS = tmp_path
    public = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "ceffu.webhook.pem").write_bytes(public)
    monkeypatch.setattr(views, "RATE", Rate(REQUESTS_PER_S, BURST))
    for name in ("ceffu", "keyless"):
        models.Custodian.objects.create(name=name, protocol="ceffu", url="http://127.0.0.1:1")


@pytest.fixture
def outside() -> Client:
    """Return somebody without a session, a form or its token."""
    return Client(enforce_csrf_checks=True)


def body(at: datetime | None = None, **given: Any) -> bytes:
    at_ms = round((at or datetime.now(UTC)).timestamp() * 1000)
    order = {"orderViewId": "77", "coinSymbol": "USDT", "amount": "5", "status": 40, "walletStr": "1"}
    told = {"webhookId": "1", "eventType": 1, "eventTime": at_ms, "data": {**order, **given.pop("data", {})}}
    return json.dumps({**told, **given}).encode()


def post(client: Client, content: bytes, signed: bytes | None = None, address: str = ADDRESS) -> int:
    signature = KEY.sign(content if signed is None else signed, padding.PKCS1v15(), hashes.SHA512())
    headers = {"signature": base64.b64encode(signature).decode()}
    return client.post(address, content, content_type="application/json", headers=headers).status_code


def kept() -> int:
    return models.Notice.objects.count()


def test_a_signed_notice_is_kept(outside: Client) -> None:
    assert post(outside, body()) == 200
    row = models.Notice.objects.get()
    assert (row.custodian, row.order_id, row.coin, row.amount, row.verdict) == ("ceffu", "77", "USDT", "5", "waiting")


def test_the_same_again_is_answered_and_kept_once(outside: Client) -> None:
    content = body()
    assert [post(outside, content) for _ in range(3)] == [200, 200, 200]
    assert kept() == 1


@pytest.mark.parametrize("signature", ["", "not base64!", base64.b64encode(b"x" * 256).decode()])
def test_what_is_not_signed_by_the_custodian_is_refused(outside: Client, signature: str) -> None:
    answer = outside.post(ADDRESS, body(), content_type="application/json", headers={"signature": signature})
    assert (answer.status_code, kept()) == (401, 0)


def test_a_signature_over_something_else_is_refused(outside: Client) -> None:
    assert (post(outside, body(), signed=body(eventType=3)), kept()) == (401, 0)


def test_a_custodian_without_a_key_is_not_believed(outside: Client) -> None:
    assert (post(outside, body(), address="/webhooks/ceffu/keyless"), kept()) == (401, 0)


@pytest.mark.parametrize("name", ["nobody", "..", "ceffu/x"])
def test_there_is_no_door_for_others(outside: Client, name: str) -> None:
    assert (post(outside, body(), address=f"/webhooks/ceffu/{name}"), kept()) == (404, 0)


def test_a_custodian_that_is_off_has_no_door(outside: Client) -> None:
    models.Custodian.objects.filter(name="ceffu").update(is_enabled=False)
    assert (post(outside, body()), kept()) == (404, 0)


def test_what_is_too_long_is_refused_unread(outside: Client) -> None:
    assert (post(outside, b" " * (BODY_BYTES_MAX + 1)), kept()) == (413, 0)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"\xff",
        body(eventType=5),
        body(eventTime="now"),
        body(data={"amount": "NaN"}),
        body(data={"amount": "-5"}),
        body(data={"orderViewId": ""}),
        body(data={"orderViewId": "x" * 65}),
        body(data={"coinSymbol": "US\u0000DT"}),
        body(eventTime=10**18),
    ],
)
def test_what_nobody_agreed_on_is_refused(outside: Client, content: bytes) -> None:
    assert (post(outside, content), kept()) == (400, 0)


@pytest.mark.parametrize("away", [timedelta(days=-30), timedelta(minutes=6)])
def test_what_no_list_reaches_is_refused(outside: Client, away: timedelta) -> None:
    assert (post(outside, body(datetime.now(UTC) + away)), kept()) == (400, 0)


def test_too_many_at_once_are_refused_before_anything_is_checked(
    outside: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "RATE", Rate(1.0, 2.0, clock=lambda: 0.0))
    assert [post(outside, body()) for _ in range(4)][2:] == [429, 429]


def test_more_than_a_feed_can_compare_wait_outside(outside: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "WAITING_MAX", 1)
    assert [post(outside, body()), post(outside, body(eventType=2))] == [200, 503]


def test_a_door_is_only_pushed(outside: Client) -> None:
    assert outside.get(ADDRESS).status_code == 405


def test_a_rate_fills_up_again() -> None:
    now = [0.0]
    rate = Rate(2.0, 3.0, clock=lambda: now[0])
    assert [rate.takes() for _ in range(4)] == [True, True, True, False]
    now[0] = 0.5
    assert [rate.takes() for _ in range(2)] == [True, False]
