"""The cells of the fault matrix: what is done to the world, where the desk sees it, and when it is over."""

from collections.abc import Callable, Mapping
from typing import Final

from hedgeapp.core.records import record
from tests.journeys.data_page import FeedSeen
from tests.world import World

Symbols = Mapping[str, str]
Strike = Callable[[World, str], object]
LOST: Final = ("disconnected", "stale")

# The contract or pair of each venue whose streams the drills spoil.
SYMBOLS: Final[Symbols] = {
    "binance-usdm": "ETHUSDT",
    "binance-coinm": "ETHUSD_PERP",
    "bybit": "ETHUSDT",
    "okx": "ETH-USDT-SWAP",
    "deribit": "ETH-PERPETUAL",
    "binance-spot": "ETHUSDT",
}
WITHOUT_MARKS: Final = ("binance-spot",)
WITH_MARKS: Final = tuple(one for one in SYMBOLS if one not in WITHOUT_MARKS)
BINANCE: Final = ("binance-usdm", "binance-coinm")
WITH_ACCOUNTS: Final = (*BINANCE, "bybit", "okx", "deribit")


@record
class Cell:
    """One fault: at whom it is done and undone, what the row of its feed must show, and where that row is.

    `is_shown` and `is_over` compare the row before the fault with the row now.
    """

    title: str
    source: str  # the first word of the feed's name
    strike: Strike
    is_shown: Callable[[FeedSeen, FeedSeen], bool]
    where: str
    heal: Strike = lambda _world, _name: None
    is_over: Callable[[FeedSeen, FeedSeen], bool] = lambda _before, now: now.is_well
    venues: tuple[str, ...] = ()  # all of the source's where empty


def _fault(kind: str, **given: object) -> Strike:
    def strike(world: World, venue: str) -> None:
        world.act("faults", kind=kind, venue=venue, **given)

    return strike


def _clear(world: World, venue: str) -> None:
    world.act("faults/clear", venue=venue)


def _malformed(count: int) -> Strike:
    def strike(world: World, venue: str) -> None:
        kind = "depth" if venue in WITHOUT_MARKS else "markPrice"
        world.act("malformed", venue=venue, symbol=SYMBOLS[venue], kind=kind, count=count)

    return strike


def _marks(on: bool) -> Strike:
    def strike(world: World, venue: str) -> None:
        world.act("silence", venue=venue, symbol=SYMBOLS[venue], kind="markPrice", on=on)

    return strike


def _down(down: bool) -> Strike:
    return lambda world, venue: world.act("down", venue=venue, down=down)


def _oracle(fault: str, **given: object) -> Strike:
    def strike(world: World, oracle: str) -> None:
        world.act("oracles/fault", oracle=oracle, fault=fault, duration_s=600, **given)

    return strike


def _is_lost(_before: FeedSeen, now: FeedSeen) -> bool:
    return now.state in LOST


def _more_refused(before: FeedSeen, now: FeedSeen) -> bool:
    return now.refused > before.refused


def _reconnected(before: FeedSeen, now: FeedSeen) -> bool:
    return now.reconnects > before.reconnects


PUBLIC: Final = (
    Cell(
        title="sockets cut",
        source="feed",
        strike=lambda world, venue: world.act("drop", venue=venue, private=False),
        is_shown=_reconnected,
        where="Data: reconnects",
    ),
    Cell(
        title="venue down: nothing connects",
        source="feed",
        strike=_down(True),
        heal=_down(False),
        is_shown=_is_lost,
        where="Data: disconnected",
    ),
    Cell(
        title="half-open: sockets stay up and say nothing",
        source="feed",
        strike=_fault("stale", connections="public"),
        heal=_clear,
        is_shown=_is_lost,
        where="Data: disconnected",
    ),
    Cell(
        title="one stream falls silent",
        source="feed",
        strike=_marks(True),
        heal=_marks(False),
        is_shown=lambda _before, now: now.state == "stale",
        where="Data: stale, naming the mark; its age",
        venues=WITH_MARKS,
    ),
    Cell(
        title="messages are missing from the book",
        source="feed",
        strike=_fault("skip_sequence", times=3),
        is_shown=lambda before, now: now.gaps > before.gaps,
        is_over=lambda before, now: now.is_well and now.resyncs > before.resyncs,
        where="Data: gaps, resyncs",
    ),
    Cell(
        title="one message nobody can read",
        source="feed",
        strike=_malformed(1),
        is_shown=_more_refused,
        where="Data: refused, last fault, its bytes",
    ),
    Cell(
        title="a thousand messages nobody can read",
        source="feed",
        strike=_malformed(1_000),
        is_shown=lambda _before, now: now.state == "quarantined",
        where="Data: quarantined",
    ),
    Cell(
        title="messages come 4 s late",
        source="feed",
        strike=_fault("delay_stream", connections="public", delay_ms=4_000),
        heal=_clear,
        is_shown=lambda _before, now: now.is_suspended,
        is_over=lambda _before, now: now.is_well and not now.is_suspended,
        where="Data: suspensions, for coming late",
        venues=WITH_MARKS,
    ),
)
PRIVATE: Final = (
    Cell(
        title="private stream cut",
        source="account",
        strike=lambda world, venue: world.act("drop", venue=venue, private=True),
        is_shown=_reconnected,
        where="Data: reconnects",
        venues=WITH_ACCOUNTS,
    ),
    Cell(
        title="listen key expired",
        source="account",
        strike=lambda world, venue: world.act("expire-listen-key", account=f"{venue}:main"),
        is_shown=_reconnected,
        where="Data: reconnects",
        venues=BINANCE,
    ),
    Cell(
        title="REST answers 429",
        source="account",
        strike=_fault("too_many", status=429, retry_after_s=3, duration_s=20),
        heal=_clear,
        is_shown=_is_lost,
        where="Data: disconnected, with the venue's words",
        venues=WITH_ACCOUNTS,
    ),
    Cell(
        title="REST answers 502 in HTML",
        source="account",
        strike=_fault("bad_gateway", requests="read", status=502, duration_s=120),
        heal=_clear,
        is_shown=_is_lost,
        where="Data: disconnected, with the answer",
        venues=WITH_ACCOUNTS,
    ),
)
ORACLES: Final = tuple(
    Cell(
        title=title,
        source="oracle",
        strike=_oracle(fault, **given),
        heal=_oracle("none"),
        is_shown=is_shown,
        where=where,
    )
    for title, fault, given, is_shown, where in (
        (
            "its time stands still",
            "stale",
            {},
            lambda _before, now: now.state in (*LOST, "quarantined"),  # what is untimely is refused, again and again
            "Data: the oracle and its quotes",
        ),
        ("it falls silent", "silent", {}, lambda _before, now: now.state in LOST, "Data: the oracle and its quotes"),
        ("a stranger signs", "wrong_signature", {}, _more_refused, "Data: refused, who signed"),
        ("its door answers 500", "http", {"status": 500}, lambda _before, now: now.state in LOST, "Data: disconnected"),
    )
)
ALL: Final = (*PUBLIC, *PRIVATE, *ORACLES)
