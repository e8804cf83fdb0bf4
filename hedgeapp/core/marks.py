"""Marks: one datum that a position or a price may be valued with.  (records)"""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from hedgeapp.core.records import sparse_fact

MarkKind = Literal[
    "mark",  # the venue's mark price of an instrument, in its quote
    "index",  # the venue's index price of an instrument's base, in its quote
    "bid",  # the best bid of an instrument's book
    "ask",  # the best ask of an instrument's book
    "funding_rate",  # of the next payment, or of 8 hours where funding accrues all the time; positive: longs pay shorts
    "funding_at",  # the time of the next payment, in seconds since 1970; none where funding accrues all the time
    "protocol_rate",  # units of the underlying per unit of a staked asset, by the protocol
    "pool_rate",  # the same, by the pool on the chain: one of the market's words
    "market_rate",  # the same, by the market, of all its words
    "usd",  # USD per unit of an asset
]


@sparse_fact
class Mark:
    """A value with its source and its two times.

    `subject` is an instrument id or an asset; `source` names the feed; `at` is the source's time, `received_at` ours.
    `conf` is how far its signers are apart, in its own unit; `proof` says by whom it is signed, empty for nobody;
    `suspect` why it must not be used although it is new, empty where it may be; `caveat` what of it cannot be proven
    although it may be used.
    """

    subject: str
    kind: MarkKind
    value: Decimal
    at: datetime
    received_at: datetime
    source: str
    conf: Decimal | None = None
    proof: str = ""
    suspect: str = ""
    caveat: str = ""
