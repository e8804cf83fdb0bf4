"""RedStone: what enough signers say of each feed at one time.  packages x Trust -> VerifiedPrice

Every package must be by a signer that is authorized or at least known: one by anybody else refuses all that came with
it, for leaving it out would move the median. What a price rests on is signed whole: points, time and their number.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from hedgeapp.core.records import record
from hedgeapp.core.reference import SignerSet, Trust
from marketdata.core.oracles.prices import Proof, VerifiedPrice, require_positive
from marketdata.core.oracles.signatures import SIGNATURE_BYTES, OracleRefused, is_low, keccak256, signer

FEED_BYTES: Final = 32
FEED_LENGTH_MAX: Final = 31  # a longer name is hashed
VALUE_BYTES: Final = 32
TIME_BYTES: Final = 6
VALUE_SIZE_BYTES: Final = 4
COUNT_BYTES: Final = 3
V_OFFSET: Final = 27
DECIMALS: Final = 8
PACKAGES_MAX: Final = 2_000  # in one answer or payload
MILLISECONDS: Final = timedelta(milliseconds=1)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class PackageIsMalformed(OracleRefused):
    """Bytes or fields are no data package."""


class SignatureIsNotCanonical(OracleRefused):
    """A signature has a high s, or a v that is neither 27 nor 28."""


class SignerIsNotAuthorized(OracleRefused):
    """A package is signed by somebody that the trust does not know."""


class SignerSaysItTwice(OracleRefused):
    """One signer says a feed's price twice."""


class SignersDisagreeOnTheTime(OracleRefused):
    """Packages of one feed carry different times."""


class SignersAreTooFew(OracleRefused):
    """Fewer authorized signers than must have signed a feed's price."""


@record
class Package:
    """Some signer's points at one time: (feed as 32 bytes, integer value), signed."""

    points: tuple[tuple[bytes, int], ...]
    milliseconds: int
    signature: bytes

    @property
    def signed_bytes(self) -> bytes:
        """Return what the signature is over, by way of Keccak-256."""
        return signed_bytes(self.points, self.milliseconds)


def signed_bytes(points: Iterable[tuple[bytes, int]], milliseconds: int) -> bytes:
    """Return points, time, size of a value and number of points as they are signed; points are in their order."""
    given = tuple(points)
    return (
        b"".join(feed + value.to_bytes(VALUE_BYTES, "big") for feed, value in given)
        + milliseconds.to_bytes(TIME_BYTES, "big")
        + VALUE_BYTES.to_bytes(VALUE_SIZE_BYTES, "big")
        + len(given).to_bytes(COUNT_BYTES, "big")
    )


def feed_bytes(feed: str) -> bytes:
    """Return a feed's name as it is signed: UTF-8 padded with zeros, or its hash when it is long."""
    name = feed.encode()
    return keccak256(name) if len(feed) > FEED_LENGTH_MAX else name.ljust(FEED_BYTES, b"\x00")


def verified(
    packages: Iterable[Package], trust: Trust, feeds: Mapping[str, int], at: datetime
) -> dict[str, VerifiedPrice]:
    """Return the price of each of the feeds that the packages speak of: the median of what the signers say.

    `feeds` has the decimals of each feed's integers. A feed that nobody speaks of is left out; one that too few speak
    of refuses. Of an even count the median is the floored mean of the two in the middle, as on the chain; conf is how
    far the farthest signer is from it. Raises OracleRefused.
    """
    known = _in_force(trust, at)
    authorized, others = {each.lower() for each in known.signers}, {each.lower() for each in trust.others}
    wanted = {feed_bytes(feed): feed for feed in feeds}
    said: dict[str, dict[str, tuple[int, int]]] = defaultdict(dict)
    for number, package in enumerate(packages, start=1):
        if number > PACKAGES_MAX:
            raise PackageIsMalformed(f"at most {PACKAGES_MAX} packages expected at once, found more")
        by = _signer(package, known, authorized, others)
        for feed, value in package.points if by in authorized else ():
            if feed not in wanted:
                continue
            name = wanted[feed]
            if by in said[name]:
                raise SignerSaysItTwice(f"one price of {name} by each signer expected, found two by {by}")
            said[name][by] = (value, package.milliseconds)
    return {name: _price(name, tuple(by.values()), feeds[name], trust, known) for name, by in said.items()}


def _in_force(trust: Trust, at: datetime) -> SignerSet:
    for found in trust.sets:
        if found.expires_at is None or at < found.expires_at:
            return found
    raise SignersAreTooFew(f"a signer set of {trust.profile} in force expected, found none: add one to the oracle")


def _signer(package: Package, known: SignerSet, authorized: set[str], others: set[str]) -> str:
    signature = package.signature
    if len(signature) != SIGNATURE_BYTES:
        raise PackageIsMalformed(f"a signature of {SIGNATURE_BYTES} bytes expected, found {len(signature)}")
    recovery = signature[-1] - V_OFFSET
    if recovery not in (0, 1) or not is_low(signature):
        raise SignatureIsNotCanonical(
            f"a signature with low s and v of 27 or 28 expected, found v {signature[-1]}"
            + ("" if is_low(signature) else " and a high s")
        )
    by = signer(keccak256(package.signed_bytes), signature, recovery=recovery)
    if by not in authorized and by not in others:
        raise SignerIsNotAuthorized(
            f"one of the {len(known.signers)} authorized signers expected, or one that is known, found {by}"
        )
    return by


def _price(
    feed: str, said: tuple[tuple[int, int], ...], decimals: int, trust: Trust, known: SignerSet
) -> VerifiedPrice:
    times = {milliseconds for _, milliseconds in said}
    if len(times) > 1:
        raise SignersDisagreeOnTheTime(f"one time in all packages of {feed} expected, found {sorted(times)}")
    if len(said) < max(known.quorum, 1):
        raise SignersAreTooFew(f"{known.quorum} signers of {feed} expected, found {len(said)}")
    values = sorted(value for value, _ in said)
    middle = len(values) // 2
    median = values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) // 2
    (milliseconds,) = times
    return VerifiedPrice(
        feed=feed,
        value=require_positive(feed, Decimal(median).scaleb(-decimals)),
        conf=Decimal(max(median - values[0], values[-1] - median)).scaleb(-decimals),
        published_at=EPOCH + milliseconds * MILLISECONDS,
        proof=Proof(
            profile=trust.profile,
            set_index=known.index,
            signed=len(said),
            signers=len(known.signers),
            quorum=known.quorum,
        ),
        sequence=milliseconds,
    )
