"""Move references: what of a move contradicts the reference data.  MovePayload x Catalogue x at -> Refusals"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from hedgeapp.core.events.approvals import Destination
from hedgeapp.core.events.moves import MovePayload
from portfolio.core.catalogue import Catalogue
from portfolio.core.move_payloads import AmountHasNoForm, written
from portfolio.core.order_references import NUMBER_MAX, Refusal

LIFE_MAX: Final = timedelta(hours=24)  # from the proposal to the last moment in which a move is sent
NAME_LENGTH_MAX: Final = 200  # characters


def contradictions(payload: MovePayload, catalogue: Catalogue, at: datetime) -> Iterator[Refusal]:
    """Return which name is not known or not enabled, and which value no move has."""
    yield from _names(payload)
    custodian = catalogue.custodians.get(payload.custodian)
    if custodian is None or not custodian.is_enabled:
        found = "disabled" if custodian else "unknown"
        yield _state("custodian", "enabled", found, f"an enabled custodian expected, found {payload.custodian} {found}")
    yield from _sides(payload, catalogue)
    yield from _amount(payload, catalogue)
    if payload.expires_at <= at:
        said = f"a move that has not expired expected, found one that expired at {payload.expires_at:%H:%M:%S} UTC"
        yield _state("expiry", "in the future", "past", f"{said}: propose it again")
    elif payload.expires_at > at + LIFE_MAX:
        said = f"an expiry within {LIFE_MAX} expected, found {payload.expires_at:%Y-%m-%d %H:%M} UTC: bring it forward"
        yield _state("expiry", "a day", "later", said)


def undirected(payload: MovePayload, destinations: Sequence[Destination]) -> Iterator[Refusal]:
    """Refuse a move to where none may go, or by another way than two people agreed on."""
    wanted = (payload.destination, payload.custodian, payload.route)
    known = [one for one in destinations if (one.name, one.custodian, one.route) == wanted]
    if not any(payload.kind in one.kinds for one in known):
        said = (
            f"a destination that two people agreed on for a {payload.kind} expected, found {payload.destination} by "
            f"{payload.route} of {payload.custodian}: have it added first"
        )
        yield _state("destination", "agreed on", "not agreed on", said)


def rests_on(payload: MovePayload, stated: Sequence[str], catalogue: Catalogue) -> frozenset[str]:
    """Return the rows that a move rests on: those that its proposal states and those that it cannot do without."""
    currency = catalogue.currency(payload.asset)
    places = {payload.source, payload.destination}
    subjects = {payload.asset, currency, payload.custodian, payload.venue, *places, "account", "*"}
    limits = {f"limit:{one.name}" for one in catalogue.limits.values() if one.subject in subjects}
    return frozenset(
        {
            "policy",
            "caps",
            "destinations",
            f"asset:{payload.asset}",
            f"asset:{currency}",
            f"custodian:{payload.custodian}",
            f"venue:{payload.venue}",
            *(f"account:{place}" for place in places),
            *limits,
            *stated,
        }
    )


def _names(payload: MovePayload) -> Iterator[Refusal]:
    for name in ("move_id", "custodian", "asset", "source", "destination", "route"):
        text = getattr(payload, name)
        if not text or len(text) > NAME_LENGTH_MAX or not (text.isprintable() and text.isascii()):
            said = f"a {name} of 1 to {NAME_LENGTH_MAX} printable characters expected, found {text[:50]!r}"
            yield _state("name", "printable", "something else", said)
    if payload.source == payload.destination:
        yield _state(
            "route", "two places", "one", f"another destination than {payload.source} expected, found the same"
        )


def _sides(payload: MovePayload, catalogue: Catalogue) -> Iterator[Refusal]:
    """Refuse a move whose account is not one, or whose wallets are accounts."""
    wallets = {"delegate": (payload.source,), "undelegate": (payload.destination,)}
    for wallet in wallets.get(payload.kind, (payload.source, payload.destination)):
        if wallet in catalogue.accounts:
            said = f"a wallet of {payload.custodian} expected, found the account {wallet}"
            yield _state("route", "a wallet", "an account", said)
    if payload.kind == "transfer":
        if payload.venue:
            yield _state("venue", "none", payload.venue, f"a transfer without a venue expected, found {payload.venue}")
        return
    name = payload.destination if payload.kind == "delegate" else payload.source
    account, venue = catalogue.accounts.get(name), catalogue.venues.get(payload.venue)
    if account is None or account.venue != payload.venue:
        said = f"an account of {payload.venue or 'a venue'} expected, found {name}: introduce it"
        yield _state("account", "known", "unknown", said)
    elif payload.kind == "delegate" and not (account.is_enabled and venue is not None and venue.is_enabled):
        yield _state("account", "enabled", "disabled", f"an enabled account expected, found {name} disabled: enable it")


def _amount(payload: MovePayload, catalogue: Catalogue) -> Iterator[Refusal]:
    asset = catalogue.assets.get(payload.asset)
    if asset is None:
        yield _state("asset", "known", "unknown", f"a known asset expected, found {payload.asset}: introduce it")
        return
    try:
        text = written(payload.amount)
    except AmountHasNoForm as refusal:
        yield _state("amount", "a number", "none", str(refusal))
        return
    if not 0 < payload.amount < NUMBER_MAX or len(text.partition(".")[2]) > asset.decimals:
        said = f"an amount above 0 with at most {asset.decimals} decimals expected, found {text} {payload.asset}"
        yield Refusal(rule="amount", limit=f"{asset.decimals} decimals", value=text, unit=payload.asset, said=said)


def _state(rule: str, limit: str, value: str, said: str) -> Refusal:
    return Refusal(rule=rule, limit=limit, value=value, unit="state", said=said)
