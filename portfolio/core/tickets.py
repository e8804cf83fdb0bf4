"""Tickets: a hedge filled in before anybody asks.  currency x Scene -> Draft

What is suggested is what the engine would propose: as much as leads to flat though everything under way fills, inverse
contracts before linear ones, the account with the most headroom. An order that is to fill at once is priced within the
collar with something to spare, because the mark moves while somebody reads.
"""

from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ZERO, down_to_step
from hedgeapp.core.events.orders import HedgeProposed, TimeInForce
from hedgeapp.core.events.trading import Side
from hedgeapp.core.instruments import Instrument
from hedgeapp.core.records import record
from portfolio.core.catalogue import Catalogue
from portfolio.core.figures import Figure
from portfolio.core.hedge_choices import Choice, Need, Scene, choice
from portfolio.core.order_checks import collar, in_flight, net_exposure, quantity_at_most

SHARE_OF_COLLAR: Final = Decimal("0.8")  # that an order which is to fill at once uses of the way it may be off the mark
AT_ONCE: Final[frozenset[TimeInForce]] = frozenset({"ioc", "fok"})


@record
class Place:
    """An instrument in an account: where an order may go."""

    account: str
    instrument: Instrument


@record
class Draft:
    """A hedge of `currency` as a ticket suggests it.

    `side` leads towards flat; None when the net is not known or is zero. `room` is how much of the net, in the
    currency, nothing under way may take. `quantity` (contracts) and the prices are None where nothing can be said:
    `at_once` is within the collar, `touch` the best price of the own side of the book. `because` says what is missing.
    """

    currency: str
    places: tuple[Place, ...]
    place: Place | None
    side: Side | None
    net: Figure
    room: Decimal | None
    quantity: Decimal | None
    at_once: Decimal | None
    touch: Decimal | None
    proposal: HedgeProposed | None
    because: str

    def price(self, time_in_force: TimeInForce) -> Decimal | None:
        """Return the price to begin with."""
        return self.at_once if time_in_force in AT_ONCE else self.touch


def places(currency: str, catalogue: Catalogue) -> tuple[Place, ...]:
    """Return where the perpetuals on a currency trade, inverse ones first."""
    found = [
        Place(account=account.name, instrument=instrument)
        for account in catalogue.accounts.values()
        if account.is_enabled
        for symbol in account.instruments
        if (instrument := catalogue.instruments.get(f"{account.venue}:{symbol}")) is not None
        and instrument.expiry == "perpetual"
        and catalogue.currency(instrument.base) == currency
    ]
    return tuple(sorted(found, key=lambda one: (one.instrument.kind != "inverse", one.account, one.instrument.id)))


def draft(
    currency: str, scene: Scene, *, account: str = "", instrument: str = "", proposal: HedgeProposed | None = None
) -> Draft:
    """Return what a ticket is filled in with: the place asked for, else the proposal's, else the best one."""
    book = scene.book
    net = net_exposure(book, scene.marks, scene.at, scene.feeds, currency)
    side = _side(net)
    room = room_left(net, side, currency, scene)
    known = places(currency, book.catalogue)
    place, quantity = _suggested(known, currency, side, room, scene, account, instrument, proposal)
    if place is None:
        because = f"no account trades a perpetual contract on {currency}: enable one"
        return _blank(currency, known, net, room, side, because)
    at_once, touch = _prices(place.instrument, side, scene)
    most, because = _quantity(place, currency, side, room, scene)
    if quantity is None or room == ZERO:
        quantity = most
    else:
        # A proposal goes on standing while the net moves by less than a clip: what it asks for may be too much by now.
        quantity, because = quantity if most is None else min(quantity, most), ""
    if side is None and not because:
        because = f"{currency} is flat: there is nothing to hedge" if net.value == ZERO else net.because
    return Draft(
        currency=currency,
        places=known,
        place=place,
        side=side,
        net=net,
        room=room,
        quantity=quantity,
        at_once=at_once,
        touch=touch,
        proposal=proposal,
        because=because,
    )


def room_left(net: Figure, side: Side | None, currency: str, scene: Scene) -> Decimal | None:
    """Return how much of a net, towards flat, nothing under way may take; None where no net or side is known."""
    if net.value is None or side is None:
        return None
    least, most = in_flight(scene.book, currency, scene.marks)
    return max(ZERO, net.value + least if side == "sell" else -net.value - most)


def _side(net: Figure) -> Side | None:
    if not net.value:
        return None
    return "sell" if net.value > ZERO else "buy"


def _suggested(
    known: tuple[Place, ...],
    currency: str,
    side: Side | None,
    room: Decimal | None,
    scene: Scene,
    account: str,
    instrument: str,
    proposal: HedgeProposed | None,
) -> tuple[Place | None, Decimal | None]:
    """Return where the order goes, and how many contracts where somebody else has decided that."""
    for one in known:
        stands = proposal is not None and (proposal.account, proposal.instrument) == (one.account, one.instrument.id)
        is_asked = instrument == one.instrument.id and account in ("", one.account)
        if proposal is not None and stands and (is_asked or not instrument):
            return one, proposal.quantity if proposal.side == side else None
        if is_asked:
            return one, None
    if side is not None and room:
        size_max = scene.bound("order_size_max", currency)
        need = Need(currency=currency, side=side, room=room, under_way=ZERO, size_max=size_max, clip_min=ZERO)
        made = choice(need, scene)
        if isinstance(made, Choice):
            return Place(account=made.account, instrument=made.instrument), made.quantity
    return (known[0] if known else None), None


def _blank(
    currency: str, known: tuple[Place, ...], net: Figure, room: Decimal | None, side: Side | None, because: str
) -> Draft:
    return Draft(
        currency=currency,
        places=known,
        place=None,
        side=side,
        net=net,
        room=room,
        quantity=None,
        at_once=None,
        touch=None,
        proposal=None,
        because=because,
    )


def _prices(instrument: Instrument, side: Side | None, scene: Scene) -> tuple[Decimal | None, Decimal | None]:
    if side is None:
        return None, None
    away = scene.bound("price_collar", scene.book.catalogue.currency(instrument.base))
    mark = scene.valuation.mark(instrument.id, "mark").value
    touch = scene.valuation.mark(instrument.id, "ask" if side == "sell" else "bid").value
    at_once = None
    if mark is not None and away is not None:
        within = collar(instrument, mark, away * SHARE_OF_COLLAR)
        at_once = within.lowest if side == "sell" else within.highest
    return at_once, touch if touch is None else down_to_step(touch, instrument.tick_size)


def _quantity(
    place: Place, currency: str, side: Side | None, room: Decimal | None, scene: Scene
) -> tuple[Decimal | None, str]:
    """Return the contracts that lead to flat at the worst price of the collar, or why nobody can say."""
    if side is None or room is None:
        return None, ""
    if not room:
        return None, f"orders under way may already bring {currency} to flat: wait for them or cancel them"
    instrument = place.instrument
    size_max, away = scene.bound("order_size_max", currency), scene.bound("price_collar", currency)
    mark = scene.valuation.mark(instrument.id, "mark")
    if mark.value is None or away is None:
        missing = mark.because if mark.value is None else f"no limit of kind price_collar for {currency} is set"
        return None, missing
    coin = room if size_max is None else min(room, size_max)
    quantity = quantity_at_most(instrument, coin, collar(instrument, mark.value, away).lowest)
    return (quantity, "") if quantity else (None, f"what is left of {currency} is less than a contract step")
