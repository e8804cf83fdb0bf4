"""Prices on the screen: whether mint and redeem are open, and what each asset is minted and redeemed at."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from hedgeapp.core.records import record
from hedgeapp.live import Leaf
from portfolio.core.capacity import Capacity, Room
from portfolio.core.figures import Figure
from portfolio.core.minting import Standing
from portfolio.core.price_market import Component, Input, Key, Proof
from portfolio.core.price_sheets import AssetPrices, PriceSheet
from portfolio.core.pricing import Price
from portfolio.screen import numbers
from portfolio.screen.leaves import Level, figure, name, text, word
from portfolio.screen.page import Row, Section, row

PLACES: Final = 4  # of a price in USD
BP_PLACES: Final = 1
DEAR: Final = Decimal(100)  # USD: above it a price is read by its cents

PROOF_LEVELS: Final[dict[Proof, Level]] = {
    "set": "good",
    "verified": "good",
    "unverified": "warn",
    "assumed": "warn",
    "unknown": "bad",
}
WORDS: Final[dict[Key, str]] = {
    "reference": "reference",
    "staked_rate": "staked rate, the worse one",
    "basis": "touch against the reference",
    "depth": "depth",
    "fees": "fees of the venues",
    "kept": "beats the bound, kept",
    "funding": "lean for funding",
    "composition": "lean for composition",
    "spread": "spread",
    "rounding": "rounding",
}


@record
class Step:
    """A component of a price as it is read: how much, how much in bp of the reference, and why."""

    label: str
    usd: str
    bp: str
    because: str


@record
class Told:
    """An input of a price as it is read."""

    name: str
    figure: Leaf
    proof: Leaf


@record
class Waterfall:
    """A price explained: its components sum to it."""

    price: Price
    usd: Leaf
    proof: Leaf
    away: Leaf
    whole: Leaf
    steps: tuple[Step, ...]
    inputs: tuple[Told, ...]


def sheet(shown: PriceSheet | None, stands: Standing) -> Section:
    """Return one row that says whether mint and redeem are open, with a row per asset and size under it."""
    assets = shown.rows if shown else ()
    said = "; ".join(stands.reasons)
    leaves = {
        "word": word("prices-word", *state(stands)),
        "because": text("prices-because", said),
    }
    texts = {"is_priced": "yes" if shown else None}
    return (row("prices", texts, leaves, tuple(line for one in assets for line in _asset(one))),)


def state(stands: Standing) -> tuple[str, Level]:
    """Return whether mint and redeem are open, as a word with its level."""
    if stands.is_open:
        return "open", "good"
    return ("paused", "bad") if stands.pauses or stands.halts else ("starting", "idle")


def _asset(prices: AssetPrices) -> list[Row]:
    pairs = zip(prices.mints, prices.redeems, strict=True)
    return [_size(place, mint, redeem) for place, (mint, redeem) in enumerate(pairs)]


def ladder(prices: AssetPrices) -> tuple[Row, ...]:
    """Return a row for each size of an asset's ladder, as programs get it."""
    pairs = zip(prices.mints, prices.redeems, strict=True)
    return tuple(_size(place, mint, redeem, "ladder") for place, (mint, redeem) in enumerate(pairs))


def rooms(capacities: Iterable[Capacity]) -> tuple[Row, ...]:
    """Return a row for each chain: what its minting contract still takes in the newest confirmed block."""
    return tuple(
        row(
            one.chain,
            {"chain": one.chain, "block": str(one.block), "mint_of": _most(one.mint), "redeem_of": _most(one.redeem)},
            {
                "mint": figure(name("room", one.chain, "mint"), one.mint.left, "USD", decimals=0),
                "redeem": figure(name("room", one.chain, "redeem"), one.redeem.left, "USD", decimals=0),
            },
        )
        for one in capacities
    )


def _most(room: Room) -> str | None:
    return None if room.most is None else numbers.plain(room.most, 0)


def _size(place: int, mint: Price, redeem: Price, under: str = "price") -> Row:
    size = numbers.full(mint.size.normalize() + 0)
    here = name(under, mint.asset, str(place))
    worst = mint if _weakness(mint) >= _weakness(redeem) else redeem
    return row(
        f"{mint.asset}:{place}",
        {
            "asset": mint.asset,
            "is_first": "yes" if not place else None,
            "size": size,
            "asked": f"{mint.size.normalize() + 0:f}",
        },
        {
            "mint": _usd(f"{here}-mint", mint.usd),
            "redeem": _usd(f"{here}-redeem", redeem.usd),
            "mint_bp": _bp(f"{here}-mint_bp", mint),
            "redeem_bp": _bp(f"{here}-redeem_bp", redeem),
            "proof": word(f"{here}-proof", worst.proof, PROOF_LEVELS[worst.proof], worst.usd.because),
        },
    )


def _weakness(one: Price) -> int:
    return list(PROOF_LEVELS).index(one.proof)


def _usd(id: str, shown: Figure) -> Leaf:
    is_dear = shown.value is not None and shown.value >= DEAR
    return figure(id, shown, "USD", decimals=2 if is_dear else PLACES)


def _bp(id: str, one: Price) -> Leaf:
    away = one.away_bp.value
    return text(id, "—" if away is None else numbers.plain(away, BP_PLACES), "worse than the reference, in bp")


def waterfall(shown: Price) -> Waterfall:
    """Return a price explained."""
    here = name("waterfall", shown.direction)
    return Waterfall(
        price=shown,
        usd=figure(f"{here}-usd", shown.usd, "USD", decimals=PLACES, is_calm=True),
        proof=word(f"{here}-proof", shown.proof, PROOF_LEVELS[shown.proof]),
        away=figure(f"{here}-away", shown.away_bp, "bp", decimals=BP_PLACES, suffix=" bp", is_calm=True),
        whole=figure(f"{here}-whole", shown.whole_usd, "USD", decimals=2, is_calm=True),
        steps=tuple(_step(part, shown.reference.value) for part in shown.components),
        inputs=tuple(_told(f"{here}-{place}", one) for place, one in enumerate(shown.inputs)),
    )


def _step(part: Component, reference: Decimal | None) -> Step:
    is_start = part.key == "reference"
    write = numbers.plain if is_start else numbers.signed
    bp = "" if is_start or not reference else numbers.signed(part.usd / reference * 10_000, 2)
    return Step(label=WORDS[part.key], usd=write(part.usd, 6), bp=bp, because=part.because)


def _told(here: str, given: Input) -> Told:
    is_share = given.name == "spread" or given.name.startswith(("taker fee", "funding of", "share of"))
    shown = figure(
        f"{here}-value",
        given.figure,
        "bp" if is_share else "",
        decimals=2 if is_share else PLACES,
        scale=Decimal(10_000) if is_share else Decimal(1),
        suffix=" bp" if is_share else "",
        is_calm=True,
    )
    return Told(name=given.name, figure=shown, proof=word(f"{here}-proof", given.proof, PROOF_LEVELS[given.proof]))
