"""A log in which a collateral move makes sense now, and people who propose, approve and mind the risk."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.auth.models import Group, User

from hedgeapp.access.roles import grant_roles
from hedgeapp.core.events import Event
from hedgeapp.core.events.approvals import Cap, GateChangeAgreed, GateChangeProposed, PolicyRule, Verdict
from hedgeapp.core.events.marks import MarksTaken
from hedgeapp.core.events.moves import Quota
from hedgeapp.core.events.passkeys import CONSOLE
from portfolio.core.move_payloads import break_glass_hash, payload_hash, rejection_hash
from portfolio.core.move_states import Move
from portfolio.operations.moves.break_glass import BreakGlass, break_glass
from portfolio.operations.moves.decisions import Decision, decide_move
from portfolio.operations.moves.people import SEED
from portfolio.operations.moves.proposals import MoveTicket, propose_move
from tests.builders.books import USDM, D, collateral, common, reference
from tests.builders.desks import written
from tests.builders.keyholders import keyholder, now, root
from tests.builders.moves import EMERGENCY, LINK, WALLET, gate, mirrored
from tests.builders.passkeys import Device

PRICE: Final = D(3_000)  # USD of an ETH, which two venues agree on
LONG_AGO: Final = timedelta(days=3)
Person = tuple[User, Device]


def asks(needed: int, name: str, **given: Any) -> PolicyRule:
    """Return a rule that asks so many approvers."""
    return PolicyRule(name=name, outcome="ask", quotas=(Quota(group="approver", needed=needed),), **given)


RULES: Final = (
    PolicyRule(name="trickle", outcome="allow", amount_usd_max=D(3_000)),
    asks(1, "small", amount_usd_max=D(30_000), totp_usd_max=D(15_000)),
    asks(2, "large", amount_usd_max=D(3_000_000)),
)
CAPS: Final = (
    Cap(name="all", scope="all", subject="", window_s=86_400, usd_max=D(2_500_000)),
    Cap(name="stETH", scope="asset", subject="stETH", window_s=86_400, amount_max=D(100)),
)


def seeded(events: list[Event]) -> list[Event]:
    """Return the events of a gate as the sandbox's seed file makes it, which needs no signatures there."""
    made: list[Event] = []
    for one in events:
        if isinstance(one, GateChangeProposed):
            one = replace(one, by=SEED)
        elif isinstance(one, GateChangeAgreed):
            one = replace(one, by=CONSOLE)
        made.append(one)
    return made


def history(*rules: PolicyRule, caps: tuple[Cap, ...] = CAPS, is_seeded: bool = False) -> None:
    """Write a catalogue and a gate of three days ago, and what is held and worth what by now."""
    at = now()
    then = at - LONG_AGO
    made = gate(*(rules or RULES), caps=caps, at=then)
    written(
        *(replace(event, at=then) for event in reference()),
        *(seeded(made) if is_seeded else made),
        at=then,
    )
    held: list[Event] = [collateral(asset, total, at) for asset, total in (("ETH", "1000"), ("stETH", "1000"))]
    marked = at - timedelta(seconds=2)
    marks = MarksTaken(at=marked, marks=tuple(common(PRICE, at=marked).values()))
    written(*held, mirrored("200", at, "ETH"), marks, at=at)


def members(person: Person, *roles: str) -> Person:
    """Give a person these roles and no other."""
    person[0].groups.set(Group.objects.filter(name__in=roles))
    return person


class Desk:
    """Ann trades, Bob, Cay and Dan approve, Gil minds the risk; Ann and Bob got the first keys."""

    def __init__(self, *rules: PolicyRule, **how: Any) -> None:
        grant_roles()
        self.ann = members(root("ann"), "trader", "approver")
        self.bob = members(root("bob"), "approver")
        self.cay = members(keyholder("cay", by=self.ann), "approver")
        self.dan = members(keyholder("dan", by=self.ann), "approver")
        self.gil = members((User.objects.create_user("gil"), Device("gil")), "risk")
        history(*rules, **how)


def ticket(amount: str = "100", nonce: str = "n-1", **given: Any) -> MoveTicket:
    """Return a ticket that delegates some ETH: 100 of them take two approvers, 10 one, 1 nobody."""
    fields: dict[str, Any] = {
        "kind": "delegate",
        "custodian": "ceffu",
        "asset": "ETH",
        "amount": D(amount),
        "source": WALLET,
        "destination": USDM,
        "route": LINK,
        "reason": "the headroom is low",
        "nonce": nonce,
    }
    if given.get("kind") == "undelegate":
        fields |= {"source": USDM, "destination": WALLET}
    return MoveTicket(**{**fields, **given})


def proposal(by: Person, amount: str = "100", nonce: str = "n-1", **given: Any) -> Move:
    """Return a move that somebody has proposed."""
    return propose_move(ticket(amount, nonce, **given), by=by[0], at=now())


def decision(move: Move, by: Person | None = None, verdict: Verdict = "approve", **given: Any) -> Decision:
    """Return a person's decision on a move, signed by his passkey unless somebody else is to prove it."""
    hash_of = payload_hash if verdict == "approve" else rejection_hash
    fields: dict[str, Any] = {
        "move_id": move.move_id,
        "verdict": verdict,
        "payload_hash": payload_hash(move.payload).hex(),
        "reason": "" if verdict == "approve" else "not now",
        "seen_seq": move.seq,
        "from_address": "10.0.0.7",
    }
    if by is not None:
        fields["assertion"] = by[1].assertion(hash_of(move.payload))
    return Decision(**{**fields, **given})


def decides(move: Move, by: Person, verdict: Verdict = "approve", at: datetime | None = None, **given: Any) -> Move:
    """Let a person decide on a move with his passkey."""
    return decide_move(decision(move, by, verdict, **given), by=by[0], at=at or now())


def breaks(move: Move, by: Person, reason: str = EMERGENCY, at: datetime | None = None, **given: Any) -> Move:
    """Let a person sign the break-glass of a move with his passkey; `assertion` is what he signs instead."""
    fields: dict[str, Any] = {
        "move_id": move.move_id,
        "payload_hash": payload_hash(move.payload).hex(),
        "reason": reason,
        "seen_seq": move.seq,
        "from_address": "10.0.0.7",
    }
    if "assertion" not in given:
        fields["assertion"] = by[1].assertion(break_glass_hash(move.payload, reason))
    return break_glass(BreakGlass(**{**fields, **given}), by=by[0], at=at or now())
