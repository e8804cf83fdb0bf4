"""The feed of a custodian: polls its wallets and puts into the log what changed in them."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from hedgeapp.core.events.collateral import CollateralStated
from hedgeapp.core.reference import Asset
from marketdata.feeds.ceffu.client import CeffuClient
from marketdata.feeds.ceffu.rows import WalletRow
from marketdata.feeds.statements import Held, Place, news


class SpellingIsAmbiguous(ValueError):
    """Two assets differ only in case, so the custodian's capitals cannot tell them apart."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"assets that differ in more than case expected, found {first} and {second}: rename one")


def spelling(assets: Iterable[Asset]) -> dict[str, str]:
    """Return our symbol by the custodian's, which is all capitals."""
    ours: dict[str, str] = {}
    for asset in assets:
        if asset.symbol.upper() in ours:
            raise SpellingIsAmbiguous(ours[asset.symbol.upper()], asset.symbol)
        ours[asset.symbol.upper()] = asset.symbol
    return ours


class CustodianFeed:
    """Follows one custodian's wallets; `known` is what the log heard last, `wallets` those that were read last."""

    def __init__(
        self,
        name: str,
        client: CeffuClient,
        assets: Iterable[Asset],
        known: dict[Place, Held],
        append: Callable[[Sequence[CollateralStated]], Awaitable[object]],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._name, self._client, self._append, self._clock = name, client, append, clock
        self._ours, self._known = spelling(assets), known
        self.wallets: list[WalletRow] = []

    @property
    def known(self) -> dict[Place, Held]:
        return self._known

    async def poll(self) -> int:
        """Read all wallets once; append a statement for each holding that changed and return how many that were.

        What is known changes only after the log took the statements, so nothing is lost when an append fails.
        """
        found = await self._read()
        at = self._clock()
        reference = str(int(at.timestamp() * 1_000))
        statements = news(self._known, found, holder=self._name, reference=reference, at=at)
        if statements:
            await self._append(statements)
        vanished = {place: Held(total=Decimal(0)) for place in self._known if place not in found}
        self._known = {**vanished, **found}
        return len(statements)

    async def _read(self) -> dict[Place, Held]:
        """Return what all wallets hold; a coin without an asset keeps the custodian's spelling."""
        self.wallets = await self._client.every_wallet()
        found: dict[Place, Held] = {}
        for wallet in self.wallets:
            for holding in await self._client.holdings(wallet.walletIdStr, wallet.walletType):
                asset = self._ours.get(holding.coin.upper())
                if asset or holding.total:
                    held = Held(total=holding.total, locked=holding.locked)
                    found[wallet.walletIdStr, asset or holding.coin] = held
        return found
