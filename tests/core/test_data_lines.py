"""Lines of data: what is signed says by whom and how sure, what is suspect says why and is never live."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hedgeapp.core.marks import Mark
from portfolio.core.sources import feed_rows
from portfolio.core.valuation import Valuation
from portfolio.screen.data import datums
from tests.builders.books import AT, book_of, health, limit

BUDGETS = {"rate": 60_000}


def usd(**changed: object) -> Mark:
    known = {
        "subject": "USDT",
        "kind": "usd",
        "value": Decimal("0.9997"),
        "at": AT,
        "received_at": AT,
        "source": "pyth+redstone",
        "conf": Decimal("0.0002"),
        "proof": "pyth router set 1: 3 of 5 signed",
    }
    return Mark(**{**known, **changed})  # type: ignore[arg-type]


def test_a_signed_mark_is_shown_with_conf_and_proof() -> None:
    (line,) = datums([usd()], BUDGETS, AT, "usd router")
    assert (line.state, line.conf, line.proof) == ("live", "± 0.000200", "pyth router set 1: 3 of 5 signed")


def test_a_suspect_mark_is_shown_as_suspect_with_its_reason() -> None:
    (line,) = datums([usd(suspect="sources that agree expected")], BUDGETS, AT, "suspect")
    assert (line.state, line.suspect) == ("suspect", "sources that agree expected")


def test_what_nobody_signed_has_no_conf() -> None:
    (line,) = datums([usd(conf=None, proof="")], BUDGETS, AT)
    assert (line.conf, line.proof) == ("", "")


def test_what_of_a_mark_is_not_proven_is_said_and_it_may_be_used() -> None:
    (line,) = datums([usd(proof="", caveat="put together by ccxt")], BUDGETS, AT, "ccxt")
    assert (line.state, line.caveat) == ("live", "put together by ccxt")


def test_an_oracles_row_says_what_was_refused_last() -> None:
    heard = health("oracle:pyth", AT - timedelta(seconds=1))
    told = replace(heard, last_fault="SignerX: y")
    valuation = Valuation(book_of(limit("data_age_ms_max", "rate", "120000")), {}, AT, [told])
    (row,) = [row for row in feed_rows(valuation) if row.feed == "oracle:pyth"]
    assert row.condition == "live"
    assert "refused last: SignerX: y" in row.because
