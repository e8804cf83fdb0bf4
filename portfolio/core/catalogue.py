"""Catalogue: the reference data now in force.  reference events -> Catalogue"""

from datetime import timedelta
from decimal import Decimal
from typing import assert_never

from hedgeapp.core.events.reference import (
    AccountChanged,
    AssetChanged,
    ChainChanged,
    CustodianChanged,
    InstrumentChanged,
    LimitChanged,
    OracleChanged,
    VenueChanged,
)
from hedgeapp.core.instruments import Instrument
from hedgeapp.core.reference import Account, Asset, Chain, Custodian, Limit, Oracle, Venue

ReferenceChange = (
    AssetChanged
    | VenueChanged
    | AccountChanged
    | InstrumentChanged
    | CustodianChanged
    | ChainChanged
    | OracleChanged
    | LimitChanged
)


class Catalogue:
    """Every row of reference data by its name; mutable, owned by one book."""

    __slots__ = (
        "accounts",
        "assets",
        "chains",
        "custodians",
        "instruments",
        "limits",
        "limits_by_subject",
        "oracles",
        "reserve",
        "venues",
    )

    def __init__(self) -> None:
        self.assets: dict[str, Asset] = {}
        self.venues: dict[str, Venue] = {}
        self.accounts: dict[str, Account] = {}
        self.instruments: dict[str, Instrument] = {}
        self.custodians: dict[str, Custodian] = {}
        self.chains: dict[str, Chain] = {}
        self.oracles: dict[str, Oracle] = {}
        self.reserve: set[tuple[str, str]] = set()  # chain, address in lower case
        self.limits: dict[str, Limit] = {}
        self.limits_by_subject: dict[tuple[str, str], Limit] = {}

    def change(self, event: ReferenceChange) -> str:
        """Take a row as it is from now on; return its name."""
        match event:
            case AssetChanged(asset=asset):
                self.assets[asset.symbol] = asset
                return asset.symbol
            case VenueChanged(venue=venue):
                self.venues[venue.name] = venue
                return venue.name
            case AccountChanged(account=account):
                self.accounts[account.name] = account
                return account.name
            case InstrumentChanged(instrument=instrument):
                self.instruments[instrument.id] = instrument
                return instrument.id
            case CustodianChanged(custodian=custodian):
                self.custodians[custodian.name] = custodian
                return custodian.name
            case ChainChanged(chain=chain):
                self.chains[chain.name] = chain
                self._sort_wallets(chain)
                return chain.name
            case OracleChanged(oracle=oracle):
                self.oracles[oracle.name] = oracle
                return oracle.name
            case LimitChanged(limit=limit):
                self.limit(limit)
                return limit.name
            case _:
                assert_never(event)

    @property
    def contracts(self) -> tuple[Instrument, ...]:
        """What positions are held in: every instrument but spot pairs, which are followed for their prices alone."""
        return tuple(one for one in self.instruments.values() if one.is_contract)

    def is_reserve(self, holder: str, wallet: str) -> bool:
        """Tell whether a wallet is the reserve fund's, so that what it holds backs nothing."""
        return (holder, wallet.lower()) in self.reserve

    def _sort_wallets(self, chain: Chain) -> None:
        """Take each wallet's purpose; one that the row no longer names stays what it was: what it held is no backing.

        Otherwise the reserve would count from the change of the row until the chain's feed states it as nothing.
        """
        for wallet in chain.wallets:
            place = chain.name, wallet.address.lower()
            if wallet.purpose == "reserve":
                self.reserve.add(place)
            else:
                self.reserve.discard(place)

    def limit(self, limit: Limit) -> None:
        """Take a limit; of two limits of one kind and subject the tighter one counts."""
        self.limits[limit.name] = limit
        self.limits_by_subject = {}
        for one in self.limits.values():
            key = (one.kind, one.subject)
            if key not in self.limits_by_subject or one.value < self.limits_by_subject[key].value:
                self.limits_by_subject[key] = one

    def band(self, currency: str) -> Decimal | None:
        """Return the bound on the net exposure in a currency, in its units; None when none is set."""
        limit = self.limits_by_subject.get(("net_delta_band", currency))
        return limit.value if limit else None

    def budget(self, subject: str) -> timedelta | None:
        """Return how old a datum of a subject (mark, quote, rate, collateral, balance) may be; None if unset."""
        limit = self.limits_by_subject.get(("data_age_ms_max", subject))
        return timedelta(milliseconds=float(limit.value)) if limit else None

    def currency(self, asset: str) -> str:
        """Return the currency that an asset is an exposure to; an unknown asset is one of its own."""
        known = self.assets.get(asset)
        return known.underlying if known else asset
