"""What is sampled from the board is what changed, with what belongs beside it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hedgeapp.core.marks import Mark, MarkKind
from marketdata.core.recorded import FUNDING_EVERY, RECORDED, Sampler, of_batch
from marketdata.core.tape import Batch, LiquidationSeen, TradeSeen

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
ETH = "binance-usdm:ETH-USDT-PERP"
SECOND = timedelta(seconds=1)


def mark(kind: MarkKind, value: str, received_at: datetime = AT, subject: str = ETH) -> Mark:
    return Mark(
        subject=subject,
        kind=kind,
        value=Decimal(value),
        at=received_at - timedelta(milliseconds=7),
        received_at=received_at,
        source="binance-usdm",
    )


def quote(received_at: datetime = AT) -> list[Mark]:
    return [mark("bid", "2681.60", received_at), mark("ask", "2681.61", received_at)]


def test_a_quote_is_sampled_with_the_mark_and_the_index_beside_it() -> None:
    marks = [*quote(), mark("mark", "2681.7"), mark("index", "2682.1")]
    rows = Sampler().sample(marks, AT + SECOND)
    assert rows["quotes"] == [(AT + SECOND, AT - timedelta(milliseconds=7), ETH, 2681.6, 2681.61, 2681.7, 2682.1)]
    assert [row[2:] for row in rows["marks"]] == [
        (ETH, "mark", "binance-usdm", 2681.7, "", None),
        (ETH, "index", "binance-usdm", 2682.1, "", None),
    ]


def test_a_mark_is_recorded_with_its_conf_and_with_what_makes_it_suspect() -> None:
    price = replace(mark("usd", "2681", subject="ETH"), conf=Decimal("1.5"), suspect="one source alone")
    (row,) = Sampler().sample([price], AT)["marks"]
    assert row[2:] == ("ETH", "usd", "binance-usdm", 2681.0, "one source alone", 1.5)


def test_what_did_not_change_since_is_not_sampled_again() -> None:
    sampler = Sampler()
    marks = [*quote(), mark("mark", "2681.7"), mark("usd", "1.0001", subject="USDT")]
    assert len(sampler.sample(marks, AT)["marks"]) == 2
    again = sampler.sample(marks, AT + SECOND)
    assert (again["quotes"], again["marks"]) == ([], [])
    later = sampler.sample([*quote(AT + SECOND), mark("mark", "2681.7")], AT + SECOND)
    assert len(later["quotes"]) == 1
    assert later["marks"] == []


def test_a_mark_that_is_old_does_not_stand_beside_a_quote() -> None:
    later = AT + timedelta(minutes=1)
    (row,) = Sampler().sample([*quote(later), mark("mark", "2681.7", AT)], later)["quotes"]
    assert row[5:] == (None, None)


def test_one_side_alone_is_no_quote() -> None:
    assert Sampler().sample([mark("bid", "2681.60")], AT)["quotes"] == []


def test_funding_that_accrues_all_the_time_is_kept_without_a_time_of_payment() -> None:
    (row,) = Sampler().sample([mark("funding_rate", "0.0001")], AT)["funding"]
    assert row[3:] == (0.0001, None)


def test_a_funding_rate_is_kept_when_it_changes_and_once_a_minute() -> None:
    sampler, kept = Sampler(), []
    for second in range(180):
        at = AT + second * SECOND
        rate = "0.0001" if second < 90 else "0.0002"
        marks = [mark("funding_rate", rate, at), mark("funding_at", "1794009600.000", at)]
        kept += [(second, row[3]) for row in sampler.sample(marks, at)["funding"]]
    assert timedelta(minutes=1) == FUNDING_EVERY
    assert kept == [(0, 0.0001), (60, 0.0001), (90, 0.0002), (150, 0.0002)]


def test_each_row_has_a_value_for_each_column() -> None:
    funding = [mark("funding_rate", "0.0001"), mark("funding_at", "1794009600.000")]
    rows = Sampler().sample([*quote(), mark("mark", "1"), *funding], AT)
    trade = TradeSeen(instrument=ETH, at_ms=1, received_ms=2, trade_id="9", side="buy", price=1.0, quantity=2.0)
    liquidation = LiquidationSeen(instrument=ETH, at_ms=1, received_ms=2, side="sell", price=1.0, quantity=2.0)
    seen = of_batch(Batch(feed="feed:v", run="r", first=0, trades=(trade,), liquidations=(liquidation,)))
    for kind, recorded in RECORDED.items():
        (row,) = rows[kind] or seen[kind]
        assert len(row) == len(recorded.columns)
        holds = {"time": datetime, "text": str, "number": float}
        expected = [holds[column.holds] for column in recorded.columns]
        assert all(value is None or isinstance(value, kind) for value, kind in zip(row, expected, strict=True))
