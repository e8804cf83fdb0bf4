"""Balance sheet: each asset behind the synthetic dollar once, by where it lies.  Book x Marks -> BackingSheet

A delegated balance stands in a row of its own and is taken off its custodian's and its account's, so that moving it
changes no sum. The cells sum to the assets of `backing`, whatever they are grouped by.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ZERO
from portfolio.core.backing import share_of
from portfolio.core.figures import Figure, derived, folded, total
from portfolio.core.holdings import own_part, times
from portfolio.core.pnl import ValuedPosition, in_usd
from portfolio.core.reserve import reserve_usd
from portfolio.core.rows import BackingRow, BackingSheet, BalanceRow, CollateralRow, Nature, Place, SheetCell
from portfolio.core.settlements import owed_by
from portfolio.core.sheet_prices import sheet_prices
from portfolio.core.sources import unread
from portfolio.core.unified import borrowed
from portfolio.core.valuation import Valuation

NOBODY: Final = "a custodian that has not told of it"
TOLD: Final = "%Y-%m-%d %H:%M:%S UTC"


def backing_sheet(
    positions: Iterable[ValuedPosition],
    balances: Iterable[BalanceRow],
    collateral: Iterable[CollateralRow],
    valuation: Valuation,
    reserve: Iterable[CollateralRow] = (),
) -> BackingSheet:
    """Return the balance sheet of the same rows that the backing is made of, the reserve fund's cells apart."""
    balances = tuple(balances)
    unrealized = _unrealized(positions)
    cells = _Cells(valuation)
    made = (
        *cells.held(tuple(collateral)),
        *cells.exchange(balances),
        *(cells.unrealized(account, asset, figure) for (account, asset), figure in sorted(unrealized.items())),
    )
    apart = tuple(cells.reserve(reserve))
    return BackingSheet(
        cells=made,
        reserve=apart,
        reserve_usd=reserve_usd(apart, valuation),
        prices=sheet_prices((one.asset for one in (*made, *apart)), valuation),
        owed=owed_by(made, valuation),
        borrowed_usd=_borrowed(balances, unrealized, valuation),
        missing=unread(valuation.book),
    )


def cut(cells: Iterable[SheetCell], by: Callable[[SheetCell], str]) -> tuple[BackingRow, ...]:
    """Return the sums of the cells and their shares of all, by whatever they are grouped by."""
    groups: dict[str, list[Figure]] = {}
    for cell in cells:
        groups.setdefault(by(cell), []).append(cell.usd)
    sums = {name: total(groups[name]) for name in sorted(groups)}
    whole = total(sums.values())
    return tuple(BackingRow(kind=name, usd=usd, share=share_of(usd, whole)) for name, usd in sums.items())


def _unrealized(positions: Iterable[ValuedPosition]) -> dict[tuple[str, str], Figure]:
    groups: dict[tuple[str, str], list[Figure]] = {}
    for one in positions:
        if one.position.size:
            groups.setdefault((one.position.account, one.settlement), []).append(one.unrealized)
    return {key: total(figures) for key, figures in groups.items()}


def _borrowed(
    balances: tuple[BalanceRow, ...], unrealized: dict[tuple[str, str], Figure], valuation: Valuation
) -> Figure:
    wallets = {(one.account, one.asset): one.total for one in balances}
    debts = []
    for key in sorted({*wallets, *unrealized}):
        equity = total(one[key] for one in (wallets, unrealized) if key in one)
        debts.append(derived(times, derived(borrowed, equity), valuation.unit_usd(key[1])))
    return total(debts)


class _Cells:
    """Makes cells of one valuation."""

    def __init__(self, valuation: Valuation) -> None:
        self._valuation, self._book = valuation, valuation.book
        contracts = valuation.catalogue.contracts
        self._cash = {one.settlement for one in contracts if one.kind == "linear"} | {
            one.symbol for one in valuation.catalogue.assets.values() if one.assumed_usd is not None
        }
        self._breaks: dict[str, int] = {}
        for one in self._book.open_breaks:
            self._breaks[one.venue] = self._breaks.get(one.venue, 0) + 1

    def held(self, rows: tuple[CollateralRow, ...]) -> Iterator[SheetCell]:
        """Yield what chains and custodians hold, then what of it is mirrored to each account."""
        groups: dict[tuple[str, str], list[Figure]] = {}
        for row in rows:
            groups.setdefault((row.holder, row.asset), []).append(row.units)
        mirrored = tuple(self._mirrored(rows))
        for custodian, _, asset, _ in mirrored:
            groups.setdefault((custodian, asset), [])
        for (holder, asset), figures in sorted(groups.items()):
            place: Place = "chain" if holder in self._valuation.catalogue.chains else "custodian"
            away = sum((part for of, _, its, part in mirrored if (of, its) == (holder, asset)), ZERO)
            units = derived(lambda have, away=away: have - away, total(figures))
            yield self._cell(place, holder, asset, units, self._word_of(holder, asset))
        for custodian, account, asset, part in mirrored:
            units = self._age_of(custodian, asset, part, rows)
            said = self._book.mirrored.get((custodian, account, asset))
            proof = f"{custodian}'s list of {said.at:{TOLD}}" if said else f"mirrored by {custodian}; moves of the log"
            yield self._cell("delegated", account, asset, units, proof)

    def exchange(self, rows: tuple[BalanceRow, ...]) -> Iterator[SheetCell]:
        """Yield what accounts hold for themselves: realized profit, funding and cash, without what is mirrored."""
        for row in rows:
            at = self._book.balances[row.account, row.asset].at
            yield self._cell("exchange", row.account, row.asset, own_part(row), f"account statement of {at:{TOLD}}")

    def unrealized(self, account: str, asset: str, units: Figure) -> SheetCell:
        """Return the profit of an account's open positions that settles in an asset."""
        made = self._cell("unrealized", account, asset, units, "fills of the log at the venue's marks")
        return replace(made, usd=in_usd(units, asset, self._valuation))

    def reserve(self, rows: Iterable[CollateralRow]) -> Iterator[SheetCell]:
        """Yield what the reserve fund holds, wallet by wallet, under the wallet's label."""
        chains = self._valuation.catalogue.chains
        for row in rows:
            wallets = chains[row.holder].wallets if row.holder in chains else ()
            labels = {one.address.lower(): one.label for one in wallets}
            label = labels.get(row.wallet.lower(), "")
            # A label that two wallets have names neither.
            named = label if label and list(labels.values()).count(label) == 1 else row.wallet
            proof = f"chain at block {self._book.collateral[row.holder, row.wallet, row.asset].reference}"
            made = self._cell("reserve", row.holder, row.asset, row.units, f"{proof}, wallet {row.wallet}")
            yield replace(made, holder=f"{row.holder}: {named}")

    def _mirrored(self, rows: tuple[CollateralRow, ...]) -> Iterator[tuple[str, str, str, Decimal]]:
        """Yield what is mirrored: custodian, account, asset, units; as much in all as the accounts' balances count."""
        for (account, asset), part in sorted(self._book.delegated.items()):
            if (account, asset) not in self._book.balances:
                continue  # nothing is taken off a balance that nobody has stated
            told = [one for one in self._book.mirrored.values() if (one.account, one.asset) == (account, asset)]
            told.sort(key=lambda one: (-one.total, one.custodian))
            holders = sorted({row.holder for row in rows if row.asset == asset and self._is_custodian(row.holder)})
            first = told[0].custodian if told else holders[0] if len(holders) == 1 else NOBODY
            for one in told[1:]:
                if one.total:
                    yield one.custodian, account, asset, one.total
            rest = part - sum((one.total for one in told[1:]), ZERO)
            if rest:
                yield first, account, asset, rest

    def _is_custodian(self, holder: str) -> bool:
        return holder not in self._valuation.catalogue.chains

    def _age_of(self, custodian: str, asset: str, part: Decimal, rows: tuple[CollateralRow, ...]) -> Figure:
        """Return mirrored units, as old as what their custodian said of the asset."""
        ages = [row.units for row in rows if (row.holder, row.asset) == (custodian, asset)]
        return derived(lambda *_: part, *ages) if ages else folded(part)

    def _word_of(self, holder: str, asset: str) -> str:
        is_reserve = self._valuation.catalogue.is_reserve
        stated = [
            one
            for (of, wallet, its), one in self._book.collateral.items()
            if (of, its) == (holder, asset) and not is_reserve(of, wallet)
        ]
        if not stated:
            return "no statement of it"
        oldest: datetime = min(one.at for one in stated)
        wallets = f", {len(stated)} wallets" if len(stated) > 1 else ""
        if self._is_custodian(holder):
            return f"custodian's statement of {oldest:{TOLD}}{wallets}"
        first = min(stated, key=lambda one: (len(one.reference), one.reference))
        return f"chain at block {first.reference}{wallets}"

    def _cell(self, place: Place, holder: str, asset: str, units: Figure, proof: str) -> SheetCell:
        valuation = self._valuation
        currency = valuation.catalogue.currency(asset)
        nature: Nature = "staked" if currency != asset else "stablecoin" if asset in self._cash else "coin"
        account = valuation.catalogue.accounts.get(holder)
        venue = account.venue if account else holder
        return SheetCell(
            place=place,
            holder=holder,
            asset=asset,
            kind=asset if currency == asset else f"staked {currency}",
            nature=nature,
            units=units,
            usd=derived(times, units, valuation.unit_usd(asset)),
            proof=proof,
            breaks=self._breaks.get(venue, 0),
        )
