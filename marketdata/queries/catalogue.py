"""The catalogue as its tables hold it."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.instruments import Expiry, FundingTerms, Instrument, Tier
from hedgeapp.core.reference import (
    Account,
    Asset,
    Chain,
    Custodian,
    Limit,
    Oracle,
    OracleFeed,
    Token,
    Trust,
    Venue,
    Wallet,
)
from marketdata import models
from marketdata.core.catalogue import Catalogue, Row

_EXPIRIES: Final[Mapping[str, Expiry]] = {"perpetual": "perpetual", "dated": "dated", "spot": "spot"}


class TextIsMalformed(ValueError):
    """A field that is kept as JSON is none, or not what it should describe."""

    def __init__(self, field: str, reason: object) -> None:
        super().__init__(f"{field}: JSON as in the other oracles expected: {reason}")


def reference() -> Catalogue:
    """Return all reference data."""
    instruments = models.Instrument.objects.prefetch_related("tiers")
    chains = models.Chain.objects.prefetch_related("wallets", "tokens")
    return Catalogue(
        assets={row.symbol: asset_of(row) for row in models.Asset.objects.all()},
        venues={row.name: venue_of(row) for row in models.Venue.objects.all()},
        accounts={row.name: account_of(row) for row in models.Account.objects.all()},
        instruments={row.id: instrument_of(row, row.tiers.all()) for row in instruments},
        custodians={row.name: custodian_of(row) for row in models.Custodian.objects.all()},
        chains={row.name: chain_of(row, row.wallets.all(), row.tokens.all()) for row in chains},
        oracles={row.name: oracle_of(row) for row in models.Oracle.objects.all()},
        limits={row.name: limit_of(row) for row in models.Limit.objects.all()},
    )


def record_of(
    row: models.Row,
    *,
    tiers: Iterable[models.Tier] = (),
    wallets: Iterable[models.Wallet] = (),
    tokens: Iterable[models.Token] = (),
) -> Row:
    """Return the record of a row, saved or not, with the rows that belong to it."""
    match row:
        case models.Asset():
            return asset_of(row)
        case models.Venue():
            return venue_of(row)
        case models.Account():
            return account_of(row)
        case models.Instrument():
            return instrument_of(row, tiers)
        case models.Custodian():
            return custodian_of(row)
        case models.Chain():
            return chain_of(row, wallets, tokens)
        case models.Oracle():
            return oracle_of(row)
        case models.Limit():
            return limit_of(row)
        case _:
            raise TypeError(f"a row of reference data expected, found {type(row).__name__}")


def plain(number: Decimal) -> Decimal:
    """Return a number without the zeros that its column filled it up with."""
    text = f"{number:f}"
    return Decimal(text.rstrip("0").rstrip(".")) if "." in text else number


def asset_of(row: models.Asset) -> Asset:
    """Return the record of an asset."""
    return Asset(
        symbol=row.symbol,
        name=row.name,
        decimals=row.decimals,
        underlying=row.underlying,
        assumed_usd=None if row.assumed_usd is None else plain(row.assumed_usd),
    )


def venue_of(row: models.Venue) -> Venue:
    """Return the record of a venue."""
    return Venue(
        name=row.name,
        protocol=row.protocol,
        rest_url=row.rest_url,
        ws_url=row.ws_url,
        is_enabled=row.is_enabled,
    )


def account_of(row: models.Account) -> Account:
    """Return the record of an account."""
    return Account(
        name=row.name,
        venue=row.venue_id,
        label=row.label,
        instruments=tuple(row.instruments),
        is_enabled=row.is_enabled,
    )


def instrument_of(row: models.Instrument, tiers: Iterable[models.Tier]) -> Instrument:
    """Return the record of an instrument and its tiers."""
    return Instrument(
        id=row.id,
        venue=row.venue_id,
        symbol=row.symbol,
        venue_symbol=row.venue_symbol,
        kind="linear" if row.kind == "linear" else "inverse",
        expiry=_EXPIRIES[row.expiry],
        base=row.base,
        quote=row.quote,
        settlement=row.settlement,
        contract_size=plain(row.contract_size),
        tick_size=plain(row.tick_size),
        step_size=plain(row.step_size),
        expires_at=row.expires_at,
        tiers=tuple(_tier_of(tier) for tier in tiers),
        is_trading=row.is_trading,
        funding_terms=FundingTerms(
            minutes=row.funding_minutes,
            cap=None if row.funding_cap is None else plain(row.funding_cap),
            floor=None if row.funding_floor is None else plain(row.funding_floor),
        ).told,
    )


def _tier_of(row: models.Tier) -> Tier:
    return Tier(
        floor=plain(row.floor),
        cap=plain(row.cap),
        maintenance_rate=plain(row.maintenance_rate),
        deduction=plain(row.deduction),
        leverage_max=plain(row.leverage_max),
        growth=plain(row.growth) or ZERO,
        unit="contracts" if row.unit == "contracts" else "value",
    )


def custodian_of(row: models.Custodian) -> Custodian:
    """Return the record of a custodian."""
    return Custodian(name=row.name, protocol=row.protocol, url=row.url, is_enabled=row.is_enabled)


def chain_of(row: models.Chain, wallets: Iterable[models.Wallet], tokens: Iterable[models.Token]) -> Chain:
    """Return the record of a chain, its wallets and tokens."""
    return Chain(
        name=row.name,
        url=row.url,
        chain_id=row.chain_id,
        confirmations=row.confirmations,
        wallets=tuple(
            Wallet(
                address=wallet.address,
                label=wallet.label,
                purpose="reserve" if wallet.purpose == "reserve" else "backing",
            )
            for wallet in wallets
        ),
        tokens=tuple(Token(asset=token.asset, address=token.address, decimals=token.decimals) for token in tokens),
        wsteth=row.wsteth,
        steth_pool=row.steth_pool,
        minting=row.minting,
        synthetic=row.synthetic,
        is_enabled=row.is_enabled,
    )


def oracle_of(row: models.Oracle) -> Oracle:
    """Return the record of an oracle; refuse with TextIsMalformed."""
    return Oracle(
        name=row.name,
        protocol=row.protocol,
        url=row.url,
        feeds=_nested("feeds", row.feeds, tuple[OracleFeed, ...]),
        trust=_nested("trust", row.trust, Trust),
        is_enabled=row.is_enabled,
    )


def _nested(field: str, text: str, kind: Any) -> Any:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise TextIsMalformed(field, error) from None


def limit_of(row: models.Limit) -> Limit:
    """Return the record of a limit."""
    return Limit(
        name=row.name, kind=row.kind, subject=row.subject, value=plain(row.value), unit=row.unit, note=row.note
    )
