"""How long a message takes to the exposure is told as it was measured."""

from dataclasses import replace
from datetime import timedelta

from portfolio.core.latency import Latency
from tests.builders.books import AT, common

COIN = common("3000")["ETH", "usd"]
MARK = replace(COIN, subject="binance-usdm:ETH-USDT-PERP", kind="mark")


def measured(*took_ms: int) -> Latency:
    latency = Latency()
    for ms in took_ms:
        latency.arrived([replace(MARK, received_at=AT)])
        latency.measured(AT + timedelta(milliseconds=ms))
    return latency


def test_nothing_measured_is_zeros() -> None:
    summary = Latency().summary()
    assert (summary.count, summary.p50_ms, summary.p99_ms) == (0, 0.0, 0.0)


def test_the_percentiles_are_those_of_what_was_measured() -> None:
    summary = measured(*range(100)).summary()
    assert (summary.count, summary.p50_ms, summary.p99_ms) == (100, 50.0, 99.0)
    assert list(summary.percentiles_ms) == [float(n) for n in range(1, 100)]


def test_the_message_that_came_first_counts() -> None:
    latency = Latency()
    latency.arrived([replace(MARK, received_at=AT + timedelta(milliseconds=30)), replace(MARK, received_at=AT)])
    latency.measured(AT + timedelta(milliseconds=40))
    assert latency.summary().p50_ms == 40.0


def test_a_price_that_is_weighed_out_of_several_is_no_message() -> None:
    latency = measured(5)
    latency.arrived([replace(COIN, received_at=AT)])
    latency.measured(AT + timedelta(seconds=9))
    assert latency.summary().count == 1


def test_a_measurement_without_a_message_is_none() -> None:
    latency = measured(5)
    latency.measured(AT + timedelta(seconds=9))
    assert latency.summary().count == 1
