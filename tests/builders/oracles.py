"""Oracles that a test signs for: trust in keys that everybody knows, updates and packages by them."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from hedgeapp.core.reference import SignerSet, Trust
from marketdata.core.oracles import rotations
from sandbox.pyth.updates import Price, update
from sandbox.redstone.packages import package, payload
from sandbox.signers import Signer

AT: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
AT_MS: Final = int(AT.timestamp() * 1_000)
SIGNERS: Final = [Signer.named(f"oracle {number}") for number in range(5)]
STRANGER: Final = Signer.named("stranger")
ADDRESSES: Final = tuple(each.address for each in SIGNERS)
SHARED: Final = Path(__file__).parents[2].parent / "shared" / "data"
ROUTER_PUBLISHER: Final = "26:507974686e6574507974686e6574507974686e6574507974686e657450797468"
GUARDIAN_PUBLISHER: Final = "26:e101faedac5851e32b9b23b5f9411a8c2bac4aae3ed4dd7b811dd1a72ea4aa71"
ETH: Final = "ff61491a931112ddf1bd8147cd1b641375f79f5825126d665480874634fd0ace"
USDT: Final = "2b89b9dc8fdf9f34709a5b106b472f0f39bb6ca9ce04b0fd7f2e971688e2e53b"
SERVICE: Final = "redstone-primary-prod"
PRODUCTION: Final = (
    "0x8BB8F32Df04c8b654987DAaeD53D6B6091e3B774",
    "0xdEB22f54738d54976C4c0fe5ce6d408E40d88499",
    "0x51Ce04Be4b3E32572C4Ec9135221d0691Ba7d202",
    "0xDD682daEC5A90dD295d14DA4b0bec9281017b5bE",
    "0x9c5AE89C4Af6aA32cE58588DBaF90d18a855B6de",
)


def router(**changed: object) -> Trust:
    """Return trust in our five signers as routers of set 1, three of which must sign."""
    known = Trust(profile="router", publisher=ROUTER_PUBLISHER, sets=(SignerSet(index=1, signers=ADDRESSES, quorum=3),))
    return msgspec.structs.replace(known, **changed)  # type: ignore[type-var]


def nodes(signers: tuple[str, ...] = ADDRESSES, **changed: object) -> Trust:
    """Return trust in five nodes of RedStone, three of which must sign."""
    known = Trust(profile=SERVICE, publisher=SERVICE, sets=(SignerSet(index=0, signers=signers, quorum=3),))
    return msgspec.structs.replace(known, **changed)  # type: ignore[type-var]


def priced(feed: str = ETH, price: int = 300_012_345_678, conf: int = 90_000_000, at: datetime = AT) -> Price:
    """Return a price message, of 3,000.12345678 USD unless told otherwise."""
    return Price(feed=feed, price=price, conf=conf, published_at=int(at.timestamp()))


def signed_update(*prices: Price, set_index: int = 1, places: tuple[int, ...] = (0, 1, 2)) -> bytes:
    """Return an update of the prices that our signers have signed."""
    return update(
        prices or (priced(), priced(USDT, 99_990_000, 20_000)),
        SIGNERS,
        set_index=set_index,
        now_ms=AT_MS,
        places=places,
    )


def answer(said: Mapping[str, list[float]], at_ms: int = AT_MS, signers: list[Signer] = SIGNERS) -> bytes:
    """Return a gateway's answer: what each signer says of each feed."""
    return msgspec.json.encode(
        {
            feed: [package(feed, value, at_ms, by, SERVICE) for value, by in zip(values, signers, strict=False)]
            for feed, values in said.items()
        }
    )


def signed_payload(*values: float, feed: str = "ETH", metadata: bytes = b"") -> bytes:
    """Return a payload in which each of the first signers says a value."""
    return payload([({feed: value}, AT_MS, by) for value, by in zip(values, SIGNERS, strict=False)], metadata)


def recorded_trust(kind: str) -> Trust:
    """Return the guardians' or the routers' trust, derived from their first set by every rotation that was signed."""
    name, publisher, above, quorum = {
        "guardian": ("wormhole_guardian_sets.json", GUARDIAN_PUBLISHER, (2, 3), 1),
        "router": ("pyth_router_sets.json", ROUTER_PUBLISHER, (1, 2), 3),
    }[kind]
    kept = json.loads((SHARED / "pyth" / name).read_text())
    first = kept.get("genesis_set") or kept["initial_set"]
    trust = Trust(
        profile=kind,
        publisher=publisher,
        sets=(SignerSet(index=first["index"], signers=tuple(first["keys"]), quorum=quorum),),
    )
    for rotation in kept["upgrade_vaas"]:
        # The routers' rotation carries no time: it came between the two recorded updates.
        at = datetime.fromtimestamp(rotation.get("timestamp") or 1_788_000_000, UTC)
        trust = rotations.rotated(bytes.fromhex(rotation["vaa"]), trust, at, quorum_above=above)
    return trust
