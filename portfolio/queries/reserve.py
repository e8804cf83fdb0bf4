"""The reserve fund in the log: its wallets, and every fact that changed what they hold."""

from hedgeapp.core.events.collateral import CollateralStated, CustodyFlowSeen, GasPaid, ReserveMoved
from hedgeapp.core.events.reference import ChainChanged
from portfolio.core.catalogue import Catalogue
from portfolio.core.reserve_ledger import Fact, ReserveLedger, ledger
from portfolio.queries.kinds import events_of
from portfolio.queries.past import Moment


def reserve_ledger(then: Moment | None) -> ReserveLedger:
    """Return the ledger of the wallets that are or were the reserve's, until now or a moment."""
    catalogue = Catalogue()
    names: dict[tuple[str, str], str] = {}
    spelled: set[tuple[str, str]] = set()  # a statement has a wallet as the chain's row spelled it then
    for _, event in events_of("chain:", 0, then):
        if isinstance(event, ChainChanged):
            catalogue.change(event)
            names |= {(event.chain.name, one.address.lower()): one.label for one in event.chain.wallets}
            spelled |= {(event.chain.name, one.address) for one in event.chain.wallets}
    facts = _facts({place for place in spelled if catalogue.is_reserve(*place)}, then)
    entries = ledger(facts, catalogue)
    flows = events_of("custody-flow:", 0, then) if entries else []
    return ReserveLedger(
        entries=entries,
        names=names,
        custodians={
            event.transaction: f"{event.custodian} {event.wallet}"
            for _, event in flows
            if isinstance(event, CustodyFlowSeen) and event.transaction
        },
    )


def _facts(wallets: set[tuple[str, str]], then: Moment | None) -> list[Fact]:
    keys = [f"collateral:{chain}:{wallet}:" for chain, wallet in sorted(wallets)]
    keys += [
        f"{kind}:{chain}:" for chain in sorted({chain for chain, _ in wallets}) for kind in ("gas", "reserve-moved")
    ]
    found = [event for key in keys for _, event in events_of(key, 0, then)]
    return [event for event in found if isinstance(event, CollateralStated | GasPaid | ReserveMoved)]
