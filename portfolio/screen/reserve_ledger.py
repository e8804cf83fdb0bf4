"""The reserve ledger on a page and as CSV: what came and left, from and to whom, and what is there since."""

import csv
import io
from collections.abc import Iterable
from datetime import UTC
from typing import Any, Final

from portfolio.core.figures import folded
from portfolio.core.reserve_ledger import LedgerEntry, ReserveLedger, What
from portfolio.screen.leaves import figure, name
from portfolio.screen.order_export import exact, text
from portfolio.screen.page import Row, row

ENTRIES_MAX: Final = 200  # on the page, the latest; the CSV has all
HEAD: Final = (
    "at", "chain", "block", "wallet", "asset", "what", "units", "balance", "counterparty", "counterparty_address",
    "transaction", "stated_since",
)  # fmt: skip
WORDS: Final[dict[What, str]] = {
    "opening": "held before",
    "transfer": "transfer",
    "gas": "gas",
    "unexplained": "not explained",
}
OTHERS: Final[dict[What, str]] = {
    "opening": "what was there at the first fact",
    "transfer": "an address that is none of ours",
    "gas": "the chain, for a transaction",
    "unexplained": "no transfer tells of it: a rebase, or the chain's own coin, which moves without a log",
}


def sections(found: ReserveLedger) -> dict[str, Any]:
    """Return what the page shows, the latest first."""
    latest = list(reversed(found.entries))[:ENTRIES_MAX]
    return {
        "entries": tuple(_entry(one, place, found) for place, one in enumerate(latest)),
        "count": len(found.entries),
        "shown": len(latest),
        "balances": tuple(_balance(one, found) for one in _last(found.entries)),
    }


def export(found: ReserveLedger) -> str:
    """Return every entry with all digits, the oldest first."""
    out = io.StringIO()
    csv.writer(out).writerows((HEAD, *(_line(one, found) for one in found.entries)))
    return out.getvalue()


def _last(entries: Iterable[LedgerEntry]) -> tuple[LedgerEntry, ...]:
    """Return the last entry of each wallet and asset: its balance is what is there."""
    return tuple({(one.chain, one.wallet.lower(), one.asset): one for one in entries}.values())


def _other(one: LedgerEntry, found: ReserveLedger) -> str:
    """Return who is on the other side: one of our wallets by its label, a custodian, or in words that it is nobody."""
    if one.what != "transfer":
        return OTHERS[one.what]
    return found.custodians.get(one.transaction) or found.names.get((one.chain, one.other.lower()), OTHERS["transfer"])


def _label(one: LedgerEntry, found: ReserveLedger) -> str:
    return found.names.get((one.chain, one.wallet.lower()), one.wallet)


def _entry(one: LedgerEntry, place: int, found: ReserveLedger) -> Row:
    here = name("ledger", str(place))
    leaves = {
        "units": figure(f"{here}-units", folded(one.units), one.asset, sign=True),
        "balance": figure(f"{here}-balance", folded(one.balance), one.asset),
    }
    texts = {
        "at": f"{one.at:%Y-%m-%d %H:%M}",
        "wallet": _label(one, found),
        "chain": one.chain,
        "asset": one.asset,
        "what": WORDS[one.what],
        "level": "warn" if one.what == "unexplained" else "idle",
        "other": _other(one, found),
        "address": one.other,
        "transaction": one.transaction,
        "block": str(one.block),
        "stated": "" if one.is_stated else "not stated by the chain yet",
    }
    return row(str(place), texts, leaves)


def _balance(one: LedgerEntry, found: ReserveLedger) -> Row:
    here = name("ledger", "has", one.chain, one.wallet, one.asset)
    said = f"as the chain stated at block {one.block} or after" if one.is_stated else "not stated by the chain yet"
    leaves = {"balance": figure(f"{here}-balance", folded(one.balance), one.asset)}
    texts = {"chain": one.chain, "wallet": _label(one, found), "address": one.wallet, "asset": one.asset, "said": said}
    return row(here, texts, leaves)


def _line(one: LedgerEntry, found: ReserveLedger) -> list[str]:
    return [
        one.at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        text(one.chain),
        str(one.block),
        text(one.wallet),
        text(one.asset),
        one.what,
        exact(one.units),
        exact(one.balance),
        text(_other(one, found)),
        text(one.other),
        text(one.transaction),
        "yes" if one.is_stated else "no",
    ]
