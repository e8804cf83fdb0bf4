"""Oracle rows: what an oracle must be before it may enter the catalogue.  Oracle -> nothing, or a refusal by name"""

import re
from typing import Final

from hedgeapp.core.reference import Oracle, OracleFeed, SignerSet
from marketdata.core.wellformed import (
    NameIsMalformed,
    NumberIsOutOfRange,
    RowRefused,
    require_address,
    require_each_once,
    require_name,
    require_one_of,
    require_url,
)

PROTOCOLS: Final = ("pyth", "redstone")
FEEDS_MAX: Final = 100
SIGNERS_MAX: Final = 100
DECIMALS_MAX: Final = 18
INDEX_MAX: Final = 2**32 - 1

_FEED_OF_PYTH = re.compile(r"[0-9a-f]{64}")
_PUBLISHER_OF_PYTH = re.compile(r"\d{1,5}:[0-9a-f]{64}")

# Feeds of Pyth's test network: signed by somebody, worth nothing.
BETA: Final = frozenset(
    {
        "41f3625971ca2ed2263e78573fe5ce23e13d2558ed3f2e47ab0f84fb9e7ae722",
        "1fc18861232290221461220bd4e2acd1dcdfbc89c84092c93c18bdc7756c1588",
        "f9c0172ba10dfa4d19088d94f5bf61d3b54d5bd7483a322a982e1373ee8ea31b",
        "ca80ba6dc32e08d06f1aa886011eed1d77c77be9eb761cc10d72b7d0a2fd57a6",
    }
)


class QuorumIsTooSmall(RowRefused):
    """A signer set would be believed when half of it or less has signed."""


class FeedIsOfTheTestNetwork(RowRefused):
    """A feed of a test network is named."""


def require_oracle(oracle: Oracle) -> None:
    """Refuse an oracle whose feeds or signers are not well formed; that its assets are known is asked elsewhere."""
    require_name(oracle, oracle.name)
    require_one_of(oracle, oracle.protocol, PROTOCOLS)
    require_url(oracle, "url", oracle.url, ("http", "https"))
    if not 0 < len(oracle.feeds) <= FEEDS_MAX:
        raise NumberIsOutOfRange(oracle, f"1 to {FEEDS_MAX} feeds expected, found {len(oracle.feeds)}")
    for feed in oracle.feeds:
        _require_feed(oracle, feed)
    require_each_once(oracle, "asset", (feed.asset for feed in oracle.feeds))
    require_each_once(oracle, "feed", (feed.feed for feed in oracle.feeds))
    _require_trust(oracle)


def _require_feed(oracle: Oracle, feed: OracleFeed) -> None:
    if oracle.protocol == "pyth" and not _FEED_OF_PYTH.fullmatch(feed.feed):
        raise NameIsMalformed(oracle, f"feed of {feed.asset}: 64 hexadecimal digits expected, found {feed.feed!r}")
    if feed.feed in BETA:
        raise FeedIsOfTheTestNetwork(
            oracle, f"feed of {feed.asset}: one of the main network expected, found a beta one"
        )
    if not feed.feed.isprintable() or not 0 < len(feed.feed) <= 64:
        raise NameIsMalformed(oracle, f"feed of {feed.asset}: 1 to 64 printable signs expected, found {feed.feed!r}")
    if not 0 <= feed.decimals <= DECIMALS_MAX:
        raise NumberIsOutOfRange(
            oracle, f"feed of {feed.asset}: decimals 0 to {DECIMALS_MAX} expected, found {feed.decimals}"
        )


def _require_trust(oracle: Oracle) -> None:
    trust = oracle.trust
    require_name(oracle, trust.profile)
    if oracle.protocol == "pyth" and not _PUBLISHER_OF_PYTH.fullmatch(trust.publisher):
        raise NameIsMalformed(oracle, f"publisher chain:address in 64 digits expected, found {trust.publisher!r}")
    if oracle.protocol == "redstone":
        require_name(oracle, trust.publisher)
    if not trust.sets:
        raise NumberIsOutOfRange(oracle, "one signer set or more expected, found none")
    for known in trust.sets:
        _require_set(oracle, known)
    for other in trust.others:
        require_address(oracle, "other signer", other)
    require_each_once(oracle, "signer set", (str(known.index) for known in trust.sets))
    if sum(known.expires_at is None for known in trust.sets) > 1 and oracle.protocol == "redstone":
        raise NumberIsOutOfRange(oracle, "one signer set in force expected: say when the others expire")


def _require_set(oracle: Oracle, known: SignerSet) -> None:
    if not 0 <= known.index <= INDEX_MAX or not 0 < len(known.signers) <= SIGNERS_MAX:
        raise NumberIsOutOfRange(
            oracle,
            f"set {known.index}: an index up to {INDEX_MAX} and 1 to {SIGNERS_MAX} signers expected, "
            f"found {len(known.signers)}",
        )
    for signer in known.signers:
        require_address(oracle, f"signer of set {known.index}", signer)
    require_each_once(oracle, f"signer of set {known.index}", (signer.lower() for signer in known.signers))
    if not len(known.signers) < 2 * known.quorum <= 2 * len(known.signers):
        raise QuorumIsTooSmall(
            oracle,
            f"set {known.index}: a quorum of more than half of {len(known.signers)} signers expected, "
            f"found {known.quorum}",
        )
    if known.expires_at is not None and known.expires_at.tzinfo is None:
        raise NumberIsOutOfRange(oracle, f"set {known.index}: an expiry with a zone expected, found {known.expires_at}")
