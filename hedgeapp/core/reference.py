"""Reference data: assets, venues, accounts, custodians, chains, oracles and limits, in our one spelling.  (records)"""

from datetime import datetime
from decimal import Decimal
from typing import Final, Literal

from hedgeapp.core.records import record, sparse_fact

Purpose = Literal["backing", "reserve"]


@record
class Asset:
    """A coin, token or stablecoin.

    `underlying` is the currency it is an exposure to (ETH for stETH and wstETH; itself otherwise). `assumed_usd` is a
    USD price to be used, plainly marked as assumed, while no verified price is known.
    """

    symbol: str
    name: str
    decimals: int
    underlying: str
    assumed_usd: Decimal | None = None


@record
class Venue:
    """An exchange: one REST and one WebSocket root, one protocol."""

    name: str
    protocol: str
    rest_url: str
    ws_url: str
    is_enabled: bool = True


@record
class Account:
    """One ring-fenced account at a venue.

    `name` is `venue:name`, `label` is what people call it, `instruments` are our symbols traded there.
    """

    name: str
    venue: str
    label: str
    instruments: tuple[str, ...]
    is_enabled: bool = True


@record
class Custodian:
    """A custodian whose wallets hold collateral."""

    name: str
    protocol: str
    url: str
    is_enabled: bool = True


# By this address, where no contract is, wallets and pools name the coin in which a chain is paid.
NATIVE: Final = "0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE"


@record
class Token:
    """An asset's contract on a chain; `decimals` converts its integer balances.

    At the address `NATIVE` it is the chain's own coin.
    """

    asset: str
    address: str
    decimals: int

    @property
    def is_native(self) -> bool:
        """Whether this is the coin in which the chain is paid."""
        return self.address.lower() == NATIVE.lower()


@sparse_fact
class Wallet:
    """An address of ours on a chain.

    What it holds stands behind the synthetic dollar (`purpose` backing), or is the reserve fund's, apart from that.
    """

    address: str
    label: str
    purpose: Purpose = "backing"


@record
class Chain:
    """A chain node and the contracts that are read from it."""

    name: str
    url: str
    chain_id: int
    confirmations: int
    wallets: tuple[Wallet, ...]
    tokens: tuple[Token, ...]
    wsteth: str
    steth_pool: str
    minting: str
    synthetic: str
    is_enabled: bool = True

    @property
    def native(self) -> Token | None:
        """The chain's own coin, when it is among the tokens."""
        return next((token for token in self.tokens if token.is_native), None)


@record
class SignerSet:
    """Keys that sign together: addresses in their order, of which `quorum` must have signed.

    `expires_at` is when a set that was replaced is trusted no more; None while it is in force.
    """

    index: int
    signers: tuple[str, ...]
    quorum: int
    expires_at: datetime | None = None


@record
class Trust:
    """Whose signatures make a price of an oracle ours to use.

    `publisher` is, for Pyth, the emitter as `chain:address`; for RedStone the data service. `others` are signers that
    are known and count for nothing; a signature by anybody else is refused.
    """

    profile: str
    publisher: str
    sets: tuple[SignerSet, ...]
    others: tuple[str, ...] = ()


@record
class OracleFeed:
    """What an oracle calls the USD price of an asset; `decimals` are those of RedStone's integers."""

    asset: str
    feed: str
    decimals: int = 8


@record
class Oracle:
    """A publisher of signed USD prices: `protocol` is pyth or redstone."""

    name: str
    protocol: str
    url: str
    feeds: tuple[OracleFeed, ...]
    trust: Trust
    is_enabled: bool = True


@record
class Limit:
    """A bound on a number: `kind` says which number, `subject` of what, `unit` in what."""

    name: str
    kind: str
    subject: str
    value: Decimal
    unit: str
    note: str = ""
