"""Protocol: all that a venue's own file must say, so that its public data is followed."""

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

import aiohttp

from hedgeapp.core.instruments import Instrument
from hedgeapp.core.records import record
from hedgeapp.core.reference import Venue
from marketdata.core.reference import Specified
from marketdata.feeds.public.market import Market


@record
class Patience:
    """How long a venue may take, and how much it may send."""

    dial_s_max: float = 5.0
    answer_s_max: float = 5.0  # to a subscription
    close_s_max: float = 0.5
    ping_s: float = 2.0  # a silent socket is asked after so long; without an answer in half of it, it is dead
    silence_s_max: float = 5.0  # a socket without a message for longer is dead, whatever TCP thinks
    message_bytes_max: int = 4 * 1024 * 1024
    snapshot_levels: int = 1000
    snapshot_s_max: float = 5.0
    snapshot_bytes_max: int = 4 * 1024 * 1024
    snapshot_pause_s: float = 1.0  # between two snapshots of one book
    interest_s: float = 15.0  # between two questions for open interest, where no stream tells it
    busy_pause_s: float = 30.0  # after "too many requests" that does not say how long
    busy_pause_s_max: float = 600.0


@record
class Ping:
    """The venue's own message that it wants to hear every so often, where it does not count those of WebSocket."""

    text: str
    every_s: float


@record
class Socket:
    """A socket: where it is, what subscribes to its streams, and what asks again for the beginning of a symbol's.

    `again` says nothing where snapshots do not come by the socket, or for a symbol of another one. `greeting` is sent
    before all else where the venue wants to hear something first; a capture, which answers nothing, leaves it out.
    """

    url: str
    subscribe: str
    again: Callable[[str], Sequence[str]] = lambda _symbol: ()
    greeting: str = ""


@record
class Recording:
    """What a capture of one instrument reads: sockets, and the URLs of its book from REST, asked once at the begin."""

    sockets: tuple[Socket, ...]
    snapshots: tuple[str, ...] = ()


class Snapshots(Protocol):
    """Books from a REST door, for venues whose sockets send changes only."""

    error: str  # why the last one failed, in a sentence
    requests: tuple[int, int] | None  # what the venue counted lately, of how much, in its own units

    async def keep(self, session: aiohttp.ClientSession) -> None:
        """Fetch a snapshot for each book that wants one, for as long as the sockets last."""
        ...


class Specify(Protocol):
    """How a venue is asked for the specifications of its instruments, where that needs no key."""

    async def __call__(self, session: aiohttp.ClientSession, venue: Venue, symbols: Collection[str]) -> Specified:
        """Ask for what our symbols need; raise SpecificationIsMissing."""
        ...


class SpecificationIsMissing(ConnectionError):
    """A venue did not say what its instruments are, or not in its format."""


class Connected(Protocol):
    """A venue's public data while it arrives."""

    @property
    def is_up(self) -> bool:
        """Tell whether everything has begun."""
        ...

    @property
    def snapshot_error(self) -> str:
        """Why what was last asked for did not come, in a sentence."""
        ...

    @property
    def requests(self) -> tuple[int, int] | None:
        """What the venue counted of our requests lately, of how much; None where it does not say."""
        ...

    async def run(self) -> None:
        """Feed the market; raise ConnectionIsLost when something breaks."""
        ...


class Connect(Protocol):
    """How a connection is made where it is not one of sockets of ours."""

    def __call__(
        self, venue: Venue, instruments: tuple[Instrument, ...], market: Market, _protocol: "PublicProtocol", /
    ) -> Connected:
        """Return a connection that has not begun."""
        ...


def no_sockets(_venue: Venue, _instruments: Sequence[Instrument]) -> Sequence[Socket]:
    """Return nothing: for a protocol that makes its own connections."""
    return ()


@record
class PublicProtocol:
    """How a venue's public data is had; `ping` is none where WebSocket's own pings are answered.

    `recording` is given where a capture reads other sockets than the feed does.
    `specify` is none where account feeds load the instruments.
    `connect` is given where somebody else's client holds the sockets, of which then none are named here.
    `mark_ms_max` is how old a mark may be before the feed is called stale for it; none where the venue has no marks.
    """

    market: Callable[[str, Sequence[Instrument]], Market]
    sockets: Callable[[Venue, Sequence[Instrument]], Sequence[Socket]] = no_sockets
    ping: Ping | None = None
    snapshots: Callable[[Venue, Market, Patience], Snapshots] | None = None
    recording: Callable[[Venue, Instrument], Recording] | None = None
    specify: Specify | None = None
    connect: Connect | None = None
    mark_ms_max: int | None = 3_000
