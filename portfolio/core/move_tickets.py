"""Move tickets: where collateral may go, as two people agreed, before anybody asks for it.  Gate x Catalogue -> Way"""

from collections.abc import Iterator

from hedgeapp.core.events.approvals import Destination
from hedgeapp.core.events.moves import MoveKind
from hedgeapp.core.records import record
from portfolio.core.book import Book
from portfolio.core.valuation import Valuation


@record
class Way:
    """A kind of move between two places that the gate's destinations allow; `venue` is empty for a transfer."""

    kind: MoveKind
    custodian: str
    source: str
    destination: str
    venue: str
    route: str

    @property
    def key(self) -> str:
        """Return its name in a form."""
        return "|".join((self.kind, self.custodian, self.source, self.destination, self.route))


def ways(valuation: Valuation) -> tuple[Way, ...]:
    """Return every way that moves may take now: delegations first, then the ways back, then between wallets.

    A wallet is one that its custodian has stated, or one that moves may come back to.
    """
    agreed = valuation.book.gate.destinations(valuation.at)
    found = {way.key: way for one in agreed for way in _to(one, agreed, valuation.book)}
    order = {"delegate": 0, "undelegate": 1, "transfer": 2}
    return tuple(sorted(found.values(), key=lambda way: (order[way.kind], way.key)))


def assets_of(way: Way, book: Book) -> tuple[str, ...]:
    """Return the assets that a way's source has, or had: those of the wallet, or those mirrored to the account."""
    if way.kind == "undelegate":
        names = {asset for account, asset in book.delegated if account == way.source}
        names |= {one.asset for one in book.mirrored.values() if one.account == way.source}
    else:
        names = {asset for holder, wallet, asset in book.collateral if (holder, wallet) == (way.custodian, way.source)}
    return tuple(sorted(names & book.catalogue.assets.keys()))


def _to(there: Destination, agreed: tuple[Destination, ...], book: Book) -> Iterator[Way]:
    """Yield the ways to a destination."""
    account = book.catalogue.accounts.get(there.name)
    if account is not None and "delegate" in there.kinds:
        for wallet in _wallets(there, agreed, book):
            yield _way("delegate", there, wallet, account.venue)
    if account is None and "undelegate" in there.kinds:
        for one in agreed:
            known = book.catalogue.accounts.get(one.name)
            if known is not None and (one.custodian, one.route) == (there.custodian, there.route):
                yield _way("undelegate", there, one.name, known.venue)
    if account is None and "transfer" in there.kinds:
        for wallet in _stated(there.custodian, book):
            if wallet != there.name:
                yield _way("transfer", there, wallet, "")


def _way(kind: MoveKind, there: Destination, source: str, venue: str) -> Way:
    return Way(
        kind=kind,
        custodian=there.custodian,
        source=source,
        destination=there.name,
        venue=venue,
        route=there.route,
    )


def _wallets(there: Destination, agreed: tuple[Destination, ...], book: Book) -> list[str]:
    """Return the wallets that a way to an account begins at: those that it leads back to, else all of the custodian."""
    back = sorted(
        one.name
        for one in agreed
        if (one.custodian, one.route) == (there.custodian, there.route) and "undelegate" in one.kinds
    )
    return back or _stated(there.custodian, book)


def _stated(custodian: str, book: Book) -> list[str]:
    return sorted({wallet for holder, wallet, _ in book.collateral if holder == custodian})
