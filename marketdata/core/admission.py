"""Admission: what a row must be before it may enter the catalogue.  Row x Catalogue -> nothing, or a refusal by name"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final, assert_never

from hedgeapp.core.instruments import Instrument, Tier
from hedgeapp.core.records import record
from hedgeapp.core.reference import Account, Asset, Chain, Custodian, Limit, Oracle, Venue
from marketdata.core import ccxt_exchanges
from marketdata.core.catalogue import Catalogue, Row
from marketdata.core.oracle_rows import require_oracle
from marketdata.core.wellformed import (
    NameIsMalformed,
    NumberIsOutOfRange,
    RowRefused,
    require_address,
    require_built,
    require_each_once,
    require_fits,
    require_funding,
    require_name,
    require_one_of,
    require_positive,
    require_url,
)

# Protocols whose accounts can be read and traded, and those of which only public data is followed.
ACCOUNT_PROTOCOLS: Final = ("binance-usdm", "binance-coinm", "bybit", "okx", "deribit")
VENUE_PROTOCOLS: Final = (*ACCOUNT_PROTOCOLS, "binance-spot", *ccxt_exchanges.PROTOCOLS)
CUSTODIAN_PROTOCOLS: Final = ("ceffu",)

_SYMBOL = re.compile(r"(?P<base>[A-Za-z0-9]+)-(?P<quote>[A-Za-z0-9]+)-(?P<end>PERP|SPOT|\d{8})")
_ENDS: Final = {"perpetual": "PERP", "spot": "SPOT"}
NATIVE_DECIMALS: Final = 18
_CURRENCIES_THAT_ARE_NO_ASSET: Final = frozenset({"USD"})


class UnknownAsset(RowRefused):
    """An asset is named that the catalogue does not have."""


class UnknownVenue(RowRefused):
    """A venue is named that the catalogue does not have."""


class AccountCannotBeFollowed(RowRefused):
    """An account is enabled at a venue of which only public data is followed."""


class WalletIsNoReserve(RowRefused):
    """A wallet that holds collateral by what it is shall be the reserve fund's."""


class UnderlyingHasUnderlying(RowRefused):
    """An asset's underlying is itself an exposure to something else."""


class SettlementContradictsKind(RowRefused):
    """A linear instrument is not settled in its quote, or an inverse one not in its base."""


class ExpiryContradictsSymbol(RowRefused):
    """Symbol, expiry and expires_at do not tell the same."""


class TiersNotAscending(RowRefused):
    """Maintenance tiers do not start at 0, leave a hole, overlap, or get cheaper with size."""


class UnknownLimitKind(RowRefused):
    """A limit's kind is one that nothing measures."""


class LimitUnitIsWrong(RowRefused):
    """A limit's unit is not the unit of what it bounds."""


class LimitIsDouble(RowRefused):
    """Another limit bounds the same number of the same subject."""


@record
class LimitKind:
    """What a kind of limit bounds: in which unit (None: the subject is the unit), of which subjects (None: assets).

    `has_accounts` lets it bound a single account too, by its name; `is_of_account` makes the subject an account and an
    asset of it, with a space between, and the unit the asset. `value_max` is what the bound itself may be at most, so
    that a slip of a digit does not open it, and `value_min` at least, where less is no time at all.
    """

    unit: str | None
    subjects: frozenset[str] | None
    value_max: Decimal | None = None
    value_min: Decimal = Decimal(0)
    has_accounts: bool = False
    is_of_account: bool = False


ACCOUNTS: Final = frozenset({"account"})  # the subject of what bounds every account
SCENARIOS: Final = frozenset({"scenario"})  # the subject of what bounds every standing scenario
CHAINS: Final = frozenset({"chain"})  # the subject of what bounds every chain
AGED: Final = frozenset({"mark", "index", "quote", "rate", "collateral", "balance", "position", "supply", "funding"})
LIMIT_KINDS: Final[Mapping[str, LimitKind]] = {
    "net_delta_band": LimitKind(unit=None, subjects=None),
    "data_age_ms_max": LimitKind(unit="ms", subjects=AGED, value_max=Decimal(604_800_000), value_min=Decimal(1)),
    "margin_ratio_max": LimitKind(unit="ratio", subjects=ACCOUNTS),
    "order_size_max": LimitKind(unit=None, subjects=None),
    "price_collar": LimitKind(unit="bp", subjects=None, value_max=Decimal(1_000)),
    "hedge_clip_min": LimitKind(unit=None, subjects=None),
    "hedge_release": LimitKind(unit="ratio", subjects=None, value_max=Decimal(1)),
    "hedge_cooldown": LimitKind(unit="s", subjects=None, value_max=Decimal(86_400)),
    "break_usd_max": LimitKind(unit="USD", subjects=frozenset({"venue"})),
    "unexplained_usd_max": LimitKind(unit="USD", subjects=frozenset({"nav"})),
    "taker_fee": LimitKind(unit="bp", subjects=None, value_max=Decimal(100)),
    "mint_redeem_spread": LimitKind(unit="bp", subjects=None, value_max=Decimal(1_000)),
    "mint_redeem_size_max": LimitKind(unit=None, subjects=None),
    "mint_redeem_basis_cap": LimitKind(unit="bp", subjects=None, value_max=Decimal(100)),
    "mint_redeem_funding_payments": LimitKind(unit="payments", subjects=None, value_max=Decimal(1_000)),
    "mint_redeem_gas": LimitKind(unit="USD", subjects=None, value_max=Decimal(10_000)),
    "mint_redeem_lean": LimitKind(unit="bp", subjects=None, value_max=Decimal(5_000)),
    "mint_redeem_share_target": LimitKind(unit="ratio", subjects=None, value_max=Decimal(1)),
    "mint_per_block_max": LimitKind(unit="USD", subjects=CHAINS),
    "redeem_per_block_max": LimitKind(unit="USD", subjects=CHAINS),
    "price_divergence_max": LimitKind(unit="bp", subjects=None, value_max=Decimal(2_000)),
    "latency_ms_max": LimitKind(unit="ms", subjects=frozenset({"mark"}), value_max=Decimal(60_000)),
    "move_headroom_floor": LimitKind(unit="USD", subjects=ACCOUNTS, has_accounts=True),
    "move_headroom_target": LimitKind(unit="USD", subjects=ACCOUNTS, has_accounts=True),
    "move_headroom_ceiling": LimitKind(unit="USD", subjects=ACCOUNTS, has_accounts=True),
    "move_clip_min": LimitKind(unit="USD", subjects=ACCOUNTS, has_accounts=True),
    "settlement_buffer": LimitKind(unit=None, subjects=None, is_of_account=True),
    "settlement_cycle": LimitKind(
        unit="s", subjects=ACCOUNTS, has_accounts=True, value_max=Decimal(604_800), value_min=Decimal(60)
    ),
    "price_move_hour": LimitKind(unit="bp", subjects=None, value_max=Decimal(10_000)),
    "borrow_maintenance": LimitKind(unit="bp", subjects=None, value_max=Decimal(5_000)),
    "scenario_headroom_min": LimitKind(unit="USD", subjects=SCENARIOS),
    "scenario_borrow_max": LimitKind(unit="USD", subjects=frozenset({"up-5", "up-10", "up-20"})),
    "scenario_backing_min": LimitKind(unit="ratio", subjects=SCENARIOS, value_max=Decimal(10)),
    "move_cooldown": LimitKind(unit="s", subjects=ACCOUNTS, has_accounts=True, value_max=Decimal(86_400)),
}


def require_admissible(row: Row, catalogue: Catalogue) -> None:
    """Refuse a row that contradicts itself or the catalogue; raise a `RowRefused` that tells why."""
    match row:
        case Asset():
            _require_asset(row, catalogue)
        case Venue():
            require_name(row, row.name)
            require_one_of(row, row.protocol, VENUE_PROTOCOLS)
            require_url(row, "rest_url", row.rest_url, ("http", "https"))
            require_url(row, "ws_url", row.ws_url, ("ws", "wss"))
        case Account():
            _require_account(row, catalogue)
        case Instrument():
            _require_instrument(row, catalogue)
        case Custodian():
            require_name(row, row.name)
            require_one_of(row, row.protocol, CUSTODIAN_PROTOCOLS)
            require_url(row, "url", row.url, ("http", "https"))
        case Chain():
            _require_chain(row, catalogue)
        case Oracle():
            require_oracle(row)
            for feed in row.feeds:
                _require_asset_known(row, "feed", feed.asset, catalogue)
        case Limit():
            _require_limit(row, catalogue)
        case _:
            assert_never(row)


def _require_asset(asset: Asset, catalogue: Catalogue) -> None:
    require_name(asset, asset.symbol)
    if not 0 <= asset.decimals <= 36:
        raise NumberIsOutOfRange(asset, f"decimals: 0 to 36 expected, found {asset.decimals}")
    if asset.assumed_usd is not None:
        require_positive(asset, "assumed_usd", asset.assumed_usd)
    if asset.underlying == asset.symbol:
        return
    _require_asset_known(asset, "underlying", asset.underlying, catalogue)
    deeper = catalogue.assets[asset.underlying].underlying
    if deeper != asset.underlying:
        raise UnderlyingHasUnderlying(
            asset, f"an underlying that is its own currency expected, found {asset.underlying}: name {deeper} instead"
        )


def _require_account(account: Account, catalogue: Catalogue) -> None:
    _require_venue_known(account, account.venue, catalogue)
    venue, _, rest = account.name.partition(":")
    require_built(account, "venue of the name", venue, account.venue)
    require_name(account, rest)
    protocol = catalogue.venues[account.venue].protocol
    if account.is_enabled and protocol not in ACCOUNT_PROTOCOLS:
        expected = f"a venue of {', '.join(ACCOUNT_PROTOCOLS)} expected for an enabled account"
        raise AccountCannotBeFollowed(account, f"{expected}, found {protocol}: disable the account")
    if not account.label.isprintable() or not 0 < len(account.label) <= 63:
        raise NameIsMalformed(account, f"a label of 1 to 63 printable signs expected, found {account.label!r}")
    for symbol in account.instruments:
        if not _SYMBOL.fullmatch(symbol):
            raise NameIsMalformed(account, f"our symbols expected, like ETH-USDT-PERP, found {symbol!r}")
    if len(set(account.instruments)) != len(account.instruments):
        raise NameIsMalformed(account, f"each symbol once expected, found {', '.join(account.instruments)}")


def _require_instrument(instrument: Instrument, catalogue: Catalogue) -> None:
    _require_venue_known(instrument, instrument.venue, catalogue)
    require_built(instrument, "id", instrument.id, f"{instrument.venue}:{instrument.symbol}")
    require_name(instrument, instrument.venue_symbol)
    for name in ("base", "quote", "settlement"):
        asset = getattr(instrument, name)
        if name != "quote" or asset not in _CURRENCIES_THAT_ARE_NO_ASSET:
            _require_asset_known(instrument, name, asset, catalogue)
    for name in ("contract_size", "tick_size", "step_size"):
        require_positive(instrument, name, getattr(instrument, name))
    settled_in = instrument.quote if instrument.kind == "linear" else instrument.base
    if not instrument.is_contract and (
        instrument.kind != "linear" or instrument.contract_size != 1 or instrument.tiers
    ):
        raise SettlementContradictsKind(
            instrument,
            f"a spot pair that is linear, of size 1 and without tiers expected, found {instrument.kind} of size "
            f"{instrument.contract_size:f} with {len(instrument.tiers)} tiers",
        )
    if instrument.settlement != settled_in:
        raise SettlementContradictsKind(
            instrument,
            f"{instrument.kind}: settled in {settled_in} expected, found {instrument.settlement}: correct one of them",
        )
    _require_expiry(instrument)
    _require_tiers(instrument)
    require_funding(instrument)


def _require_expiry(instrument: Instrument) -> None:
    parts = _SYMBOL.fullmatch(instrument.symbol)
    if parts is None:
        raise NameIsMalformed(instrument, f"a symbol like ETH-USDT-PERP expected, found {instrument.symbol!r}")
    require_built(instrument, "symbol", instrument.symbol, f"{instrument.base}-{instrument.quote}-{parts['end']}")
    expires_at = instrument.expires_at
    told = _ENDS.get(instrument.expiry) or (f"{expires_at:%Y%m%d}" if expires_at else "a date")
    if parts["end"] != told or (instrument.expiry == "dated") != (expires_at is not None):
        raise ExpiryContradictsSymbol(
            instrument,
            f"{instrument.expiry} with expires_at {expires_at}: a symbol ending in {told} expected, "
            f"found {instrument.symbol}: correct one of them",
        )


def _require_tiers(instrument: Instrument) -> None:
    last: Tier | None = None
    for number, tier in enumerate(instrument.tiers, 1):
        for name in ("floor", "cap", "maintenance_rate", "deduction", "leverage_max", "growth"):
            require_fits(instrument, f"tier {number} {name}", getattr(tier, name))
        floor = Decimal(0) if last is None else last.cap
        if tier.floor != floor or tier.cap <= tier.floor:
            raise TiersNotAscending(
                instrument, f"tier {number} from {floor} up expected, found {tier.floor} to {tier.cap}"
            )
        if tier.unit != instrument.tiers[0].unit or (tier.unit == "contracts" and tier.deduction):
            raise TiersNotAscending(
                instrument,
                f"tier {number} in {instrument.tiers[0].unit}, in contracts with deduction 0, expected, found {tier}",
            )
        is_sound = tier.leverage_max > 0 and tier.deduction >= 0 and 0 <= tier.growth <= 1
        if not is_sound or not 0 < tier.maintenance_rate <= 1:
            raise NumberIsOutOfRange(
                instrument,
                f"tier {number}: rate in (0, 1], leverage > 0, deduction ≥ 0, growth in [0, 1] expected, found {tier}",
            )
        if last is not None and tier.maintenance_rate < last.maintenance_rate:
            raise TiersNotAscending(
                instrument,
                f"tier {number} with a rate of at least {last.maintenance_rate} expected, "
                f"found {tier.maintenance_rate}",
            )
        last = tier


def _require_chain(chain: Chain, catalogue: Catalogue) -> None:
    require_name(chain, chain.name)
    require_url(chain, "url", chain.url, ("http", "https"))
    if chain.chain_id < 1 or not 0 <= chain.confirmations <= 1000:
        raise NumberIsOutOfRange(
            chain,
            f"chain_id ≥ 1 and confirmations 0 to 1000 expected, found {chain.chain_id} and {chain.confirmations}",
        )
    for name in ("wsteth", "steth_pool", "minting", "synthetic"):
        require_address(chain, name, getattr(chain, name))
    for wallet in chain.wallets:
        require_address(chain, f"wallet {wallet.label}", wallet.address)
        if wallet.purpose == "reserve" and wallet.address.lower() == chain.minting.lower():
            said = f"wallet {wallet.label}: purpose backing expected of the minting contract, found reserve"
            raise WalletIsNoReserve(chain, said)
    for token in chain.tokens:
        _require_asset_known(chain, "token", token.asset, catalogue)
        require_address(chain, f"token {token.asset}", token.address)
        if not 0 <= token.decimals <= 36:
            raise NumberIsOutOfRange(chain, f"token {token.asset}: decimals 0 to 36 expected, found {token.decimals}")
        if token.is_native and token.decimals != NATIVE_DECIMALS:
            said = f"decimals {NATIVE_DECIMALS} expected of the chain's own coin, found {token.decimals}"
            raise NumberIsOutOfRange(chain, f"token {token.asset}: {said}")
    require_each_once(chain, "wallet", (wallet.address.lower() for wallet in chain.wallets))
    require_each_once(chain, "token", (token.asset for token in chain.tokens))


def _require_limit(limit: Limit, catalogue: Catalogue) -> None:
    require_name(limit, limit.name.replace(" ", "-"))
    kind = LIMIT_KINDS.get(limit.kind)
    if kind is None:
        raise UnknownLimitKind(limit, f"kind {' or '.join(LIMIT_KINDS)} expected, found {limit.kind!r}")
    asset = limit.subject
    if kind.is_of_account:
        account, _, asset = limit.subject.partition(" ")
        if account not in catalogue.accounts:
            raise NameIsMalformed(
                limit, f"subject ACCOUNT ASSET expected, like binance-usdm:main USDT, found {limit.subject!r}"
            )
    if kind.subjects is None:
        _require_asset_known(limit, "subject", asset, catalogue)
    elif limit.subject not in kind.subjects and not (kind.has_accounts and limit.subject in catalogue.accounts):
        known = [*sorted(kind.subjects), *(["the name of an account"] if kind.has_accounts else [])]
        raise NameIsMalformed(limit, f"subject {' or '.join(known)} expected, found {limit.subject!r}")
    unit = asset if kind.unit is None else kind.unit
    if limit.unit != unit:
        raise LimitUnitIsWrong(limit, f"unit {unit} expected, found {limit.unit!r}")
    require_positive(limit, "value", limit.value)
    if kind.value_max is not None and limit.value > kind.value_max:
        raise NumberIsOutOfRange(limit, f"value: at most {kind.value_max} {unit} expected, found {limit.value}")
    if limit.value < kind.value_min:
        raise NumberIsOutOfRange(limit, f"value: at least {kind.value_min} {unit} expected, found {limit.value}")
    for other in catalogue.limits.values():
        if other.name != limit.name and (other.kind, other.subject) == (limit.kind, limit.subject):
            raise LimitIsDouble(
                limit, f"one limit of {limit.kind} for {limit.subject} expected, found {other.name!r}: change that one"
            )


def _require_asset_known(row: Row, field: str, asset: str, catalogue: Catalogue) -> None:
    if asset not in catalogue.assets:
        raise UnknownAsset(row, f"{field}: a known asset expected, found {asset!r}: add the asset first")


def _require_venue_known(row: Row, venue: str, catalogue: Catalogue) -> None:
    if venue not in catalogue.venues:
        raise UnknownVenue(row, f"a known venue expected, found {venue!r}: add the venue first")
