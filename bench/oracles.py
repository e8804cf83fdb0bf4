"""Oracles: µs per verified update of both, against nothing but the recovery of the same signatures in the same run.

Recovering who signed is the work that no verifier can leave out; the rest (parsing, hashing, Merkle proofs, medians)
is ours. Updates carry five feeds, as those of the sandbox do, and a guardians' one thirteen signatures.
"""

import time
from collections.abc import Callable
from typing import Final

from bench.report import Row
from hedgeapp.core.reference import SignerSet
from marketdata.core.oracles import pyth, redstone, redstone_gateway, redstone_payload
from marketdata.core.oracles.signatures import keccak256, signer
from sandbox.pyth.updates import update
from sandbox.signers import Signer
from tests.builders.oracles import AT, AT_MS, SIGNERS, answer, nodes, priced, router, signed_payload

FEEDS: Final = ("BTC", "ETH", "USDC", "USDT", "stETH")
ROUNDS: Final = 7
SECONDS: Final = 0.15  # of each round
RATIO_MAX: Final = 3.0  # of the bare recovery


def measure() -> list[Row]:
    """Measure an update of the routers, one of thirteen guardians, a gateway's answer and a payload."""
    recovery_us = _microseconds(_recovery())
    prices = [priced(f"{number:064x}") for number in range(len(FEEDS))]
    routed = update(prices, SIGNERS, set_index=1, now_ms=AT_MS)
    many = [Signer.named(f"guardian {number}") for number in range(19)]
    guarded = update(prices, many, set_index=1, now_ms=AT_MS, places=tuple(range(13)))
    guardians = router(sets=(SignerSet(index=1, signers=tuple(each.address for each in many), quorum=13),))
    said = answer({feed: [3_000.0, 3_000.5, 3_001.0, 2_999.0, 3_000.25] for feed in FEEDS})
    sent = signed_payload(3_000.0, 3_000.5, 3_001.0, 2_999.0, 3_000.25)
    decimals = dict.fromkeys(FEEDS, 8)
    works: tuple[tuple[str, int, Callable[[], object]], ...] = (
        ("Pyth update of routers, 5 feeds, 3 signatures", 3, lambda: pyth.verified(routed, router(), AT)),
        ("Pyth update of guardians, 5 feeds, 13 signatures", 13, lambda: pyth.verified(guarded, guardians, AT)),
        (
            "RedStone answer, 5 feeds, 25 signatures",
            25,
            lambda: redstone.verified(redstone_gateway.packages(said, decimals), nodes(), decimals, AT),
        ),
        (
            "RedStone payload, 1 feed, 5 signatures",
            5,
            lambda: redstone.verified(redstone_payload.packages(sent), nodes(), decimals, AT),
        ),
    )
    return [
        Row(name="who signed a digest: recovery alone", value=recovery_us, unit="µs"),
        *(_row(name, _microseconds(work), count, recovery_us) for name, count, work in works),
    ]


def _row(name: str, value_us: float, signatures: int, recovery_us: float) -> Row:
    ratio = value_us / (signatures * recovery_us)
    return Row(
        name=name,
        value=value_us,
        unit="µs",
        compared_with=f"{signatures} recoveries",
        ratio=ratio,
        budget=f"≤ {RATIO_MAX:g} ×",
        is_met=ratio <= RATIO_MAX,
    )


def _recovery() -> Callable[[], object]:
    digest = keccak256(b"a digest")
    signature = SIGNERS[0].sign(digest)
    return lambda: signer(digest, signature, recovery=signature[-1])


def _microseconds(work: Callable[[], object]) -> float:
    """Return how long the work takes, in the best of some rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        done, began = 0, time.perf_counter()
        while time.perf_counter() - began < SECONDS:
            work()
            done += 1
        best = min(best, (time.perf_counter() - began) / done)
    return best * 1e6
