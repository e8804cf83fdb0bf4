"""Reference data: changed by operations, kept in the log, projected to rows."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from hedgeapp.core.events import Event
from hedgeapp.core.events.reference import AssetChanged, InstrumentChanged
from hedgeapp.core.instruments import Instrument, Tier
from hedgeapp.core.reference import Account, Asset, Limit, Venue
from hedgeapp.eventlog import codec
from marketdata import models
from marketdata.core.admission import UnknownVenue
from marketdata.core.catalogue import Catalogue
from marketdata.core.wellformed import NumberIsOutOfRange
from marketdata.operations.changes import RowChangedMeanwhile, UrlIsNotEncrypted, change
from marketdata.projections import TABLES, project
from marketdata.queries.catalogue import reference
from marketdata.queries.history import history

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
ETH = Asset(symbol="ETH", name="Ether", decimals=18, underlying="ETH")
USDT = Asset(symbol="USDT", name="Tether", decimals=6, underlying="USDT", assumed_usd=Decimal("1.000"))
VENUE = Venue(name="binance-usdm", protocol="binance-usdm", rest_url="http://127.0.0.1:1", ws_url="ws://127.0.0.1:1")
INSTRUMENT = Instrument(
    id="binance-usdm:ETH-USDT-PERP",
    venue="binance-usdm",
    symbol="ETH-USDT-PERP",
    venue_symbol="ETHUSDT",
    kind="linear",
    expiry="perpetual",
    base="ETH",
    quote="USDT",
    settlement="USDT",
    contract_size=Decimal(1),
    tick_size=Decimal("0.01"),
    step_size=Decimal("0.001"),
    tiers=tuple(
        Tier(
            floor=Decimal(floor),
            cap=Decimal(cap),
            maintenance_rate=Decimal(rate),
            deduction=Decimal(deduction),
            leverage_max=Decimal(leverage),
        )
        for floor, cap, rate, deduction, leverage in (
            ("0", "50000", "0.004", "0", "125"),
            ("50000", "600000", "0.005", "50", "100"),
        )
    ),
)


def made(row: Any, **options: Any) -> Any:
    return change(row, **{"by": "alice", "reason": "for the test", "at": AT, **options})


def events() -> list[Event]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT kind, body FROM eventlog_event ORDER BY seq")
        return [codec.decode(kind, body) for kind, body in cursor]


def seeded() -> None:
    for row in (ETH, USDT, VENUE, INSTRUMENT):
        made(row)


def test_a_change_is_one_event_and_its_row() -> None:
    event = made(ETH)
    assert event == AssetChanged(at=AT, asset=ETH, version=1, by="alice", reason="for the test")
    assert events() == [event]
    row = models.Asset.objects.get()
    assert (row.symbol, row.version, row.changed_by, row.changed_at) == ("ETH", 1, "alice", AT)


def test_what_is_so_already_appends_nothing() -> None:
    made(ETH)
    assert made(ETH) is None
    assert made(USDT) is not None
    assert made(replace(USDT, assumed_usd=Decimal(1))) is None
    assert len(events()) == 2


def test_a_refused_row_leaves_neither_event_nor_row() -> None:
    seeded()
    before = len(events())
    with pytest.raises(NumberIsOutOfRange, match="contract_size: more than 0 expected, found 0"):
        made(replace(INSTRUMENT, contract_size=Decimal(0)))
    with pytest.raises(UnknownVenue):
        made(Account(name="nowhere:main", venue="nowhere", label="main", instruments=()))
    assert len(events()) == before
    assert reference().instruments == {INSTRUMENT.id: INSTRUMENT}


def test_a_row_that_changed_after_it_was_seen_is_not_overwritten() -> None:
    made(ETH)
    made(replace(ETH, name="Ether, the coin"), expected_version=1)
    with pytest.raises(RowChangedMeanwhile, match="version 1 expected, found 2"):
        made(replace(ETH, name="ether"), expected_version=1)
    with pytest.raises(RowChangedMeanwhile):
        made(replace(ETH, name="ether"), expected_version=0)


def test_a_contract_size_changed_in_mid_log_does_not_rewrite_what_was() -> None:
    seeded()
    made(Limit(name="ETH net delta", kind="net_delta_band", subject="ETH", value=Decimal(25), unit="ETH"))
    resized = replace(INSTRUMENT, contract_size=Decimal(10))
    made(resized, at=AT + timedelta(hours=1), reason="the venue resized it")
    sizes, known = [], Catalogue()
    for event in events():
        known = known.apply(event)
        if INSTRUMENT.id in known.instruments:
            sizes.append(known.instruments[INSTRUMENT.id].contract_size)
    assert sizes == [1, 1, 10]
    assert known == reference()


def test_replaying_the_log_builds_the_same_rows() -> None:
    seeded()
    made(replace(INSTRUMENT, tiers=INSTRUMENT.tiers[:1]))
    made(replace(VENUE, is_enabled=False))
    before = {table: list(table._base_manager.order_by("pk").values()) for table in TABLES}
    for table in reversed(TABLES):
        table._base_manager.all().delete()
    for event in events():
        project(event)  # type: ignore[arg-type]
    for table, rows in before.items():
        again = list(table._base_manager.order_by("pk").values())
        for row in (*rows, *again):
            row.pop("id", None) if table is models.Tier else None
        assert again == rows


def test_history_tells_who_changed_what_and_why() -> None:
    seeded()
    resized = replace(INSTRUMENT, contract_size=Decimal(10))
    made(resized, by="bob", reason="the venue resized it")
    latest, first = history(resized, 2)
    assert (latest.version, latest.by, latest.reason) == (2, "bob", "the venue resized it")
    assert [(each.field, each.before, each.after) for each in latest.differences] == [("contract_size", "1", "10")]
    assert first.version == 1
    assert history(VENUE, 1)[0].differences[0].before == ""


def test_outside_of_the_sandbox_a_url_must_be_encrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    paper = settings.ENVIRONMENT.model_copy(update={"hedgeapp_env": "PAPER"})
    monkeypatch.setattr(settings, "ENVIRONMENT", paper)
    made(VENUE)  # this machine itself
    with pytest.raises(UrlIsNotEncrypted, match="https or wss expected"):
        made(replace(VENUE, rest_url="http://fapi.binance.com"))


def test_an_instrument_keeps_its_event_s_content_to_the_digit() -> None:
    seeded()
    event = events()[-1]
    assert isinstance(event, InstrumentChanged)
    assert event.instrument == INSTRUMENT == reference().instruments[INSTRUMENT.id]
