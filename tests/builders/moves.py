"""The life of one collateral move, and of the rules that it passes, as events."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from hedgeapp.core.events import Event
from hedgeapp.core.events.approvals import (
    Assertion,
    Cap,
    Destination,
    GateChangeAgreed,
    GateChangeDropped,
    GateChangeProposed,
    MoveDecided,
    PolicyRule,
    Verdict,
)
from hedgeapp.core.events.break_glass import BreakGlassReviewed, BreakGlassSigned, GlassBroken
from hedgeapp.core.events.collateral import CustodianStateChanged
from hedgeapp.core.events.moves import (
    DelegationStated,
    MoveApproved,
    MoveDone,
    MoveExpired,
    MoveIntended,
    MoveJudged,
    MoveNeverArrived,
    MoveOutcomeUnknown,
    MovePayload,
    MoveProposed,
    MoveRefused,
    MoveRejected,
    MoveReported,
    MoveSeenAtVenue,
    MoveSubmitted,
    MoveWithdrawn,
    Quota,
    ReportedState,
    UnintendedMoveReviewed,
    UnintendedMoveSeen,
)
from portfolio.core.move_payloads import payload_hash
from portfolio.core.move_request_ids import move_id, request_id
from tests.builders.orders import AT

D = Decimal
ACCOUNT, WALLET, LINK = "binance-usdm:main", "w1", "77001"
NAME = move_id("ticket:1")
REQUEST = request_id(NAME, "ceffu")
ORDER = "4502198"


def payload(name: str = NAME, **given: Any) -> MovePayload:
    """Return the payload of a delegation of 100 stETH."""
    fields: dict[str, Any] = {
        "move_id": name,
        "kind": "delegate",
        "custodian": "ceffu",
        "asset": "stETH",
        "amount": D("100"),
        "source": WALLET,
        "destination": ACCOUNT,
        "venue": "binance-usdm",
        "route": LINK,
        "expires_at": AT + timedelta(hours=4),
    }
    if given.get("kind") == "undelegate":
        fields |= {"source": ACCOUNT, "destination": WALLET}
    if given.get("kind") == "transfer":
        fields |= {"destination": "w2", "venue": "", "route": "0xw2"}
    return MovePayload(**{**fields, **given})


def proposed(
    of: MovePayload | None = None, *, by: str = "ann", at: datetime = AT, rests_on: tuple[str, ...] = ()
) -> MoveProposed:
    """Return a proposal."""
    return MoveProposed(at=at, payload=of or payload(), by=by, reason="headroom is low", rests_on=rests_on)


def judged(name: str = NAME, *quotas: tuple[str, int], outcome: Any = "ask", **given: Any) -> MoveJudged:
    """Return the policy's word: two approvers, unless something else is said."""
    asked = quotas or (("approvers", 2),)
    fields: dict[str, Any] = {
        "at": AT,
        "move_id": name,
        "policy_version": 1,
        "rule": "large",
        "outcome": outcome,
        "quotas": tuple(Quota(group=group, needed=needed) for group, needed in asked) if outcome == "ask" else (),
        "amount_usd": D("300000"),
        "trust": "verified",
        "totp_usd_max": D("1000"),
        "said": "rule large matches",
    }
    return MoveJudged(**{**fields, **given})


def decided(
    by: str,
    of: MovePayload | None = None,
    *,
    verdict: Verdict = "approve",
    groups: tuple[str, ...] = ("approvers",),
    at: datetime = AT,
    **given: Any,
) -> MoveDecided:
    """Return a person's decision, proved by a passkey of his own."""
    of = of or payload()
    fields: dict[str, Any] = {
        "at": at,
        "move_id": of.move_id,
        "payload_hash": payload_hash(of).hex(),
        "verdict": verdict,
        "by": by,
        "groups": groups,
        "reason": "" if verdict == "approve" else "not now",
        "assertion": Assertion(
            kind="passkey", key_id=f"key-of-{by}", client_data="e30", authenticator_data="AAAA", signature="BBBB"
        ),
        "policy_version": 1,
        "seen_seq": 12,
        "from_address": "10.0.0.7",
    }
    return MoveDecided(**{**fields, **given})


def approved(of: MovePayload | None = None, *by: str) -> MoveApproved:
    """Return the milestone of a quorum."""
    of = of or payload()
    return MoveApproved(at=AT, move_id=of.move_id, payload_hash=payload_hash(of).hex(), approved_by=by)


def intended(of: MovePayload | None = None, amount_usd: str | None = "300000", **given: Any) -> MoveIntended:
    """Return an intent."""
    of = of or payload()
    fields: dict[str, Any] = {
        "at": AT,
        "move_id": of.move_id,
        "request_id": request_id(of.move_id, "ceffu"),
        "payload_hash": payload_hash(of).hex(),
        "approved_by": ("bob", "cay"),
        "policy_version": 1,
        "amount_usd": D(amount_usd) if amount_usd else None,
    }
    return MoveIntended(**{**fields, **given})


def submitted(name: str = NAME, at: datetime = AT) -> MoveSubmitted:
    """Return the mark that a move is on its way."""
    return MoveSubmitted(at=at, move_id=name, valid_until=at + timedelta(seconds=5))


def reported(state: ReportedState, name: str = NAME, order: str = ORDER, at: datetime = AT) -> MoveReported:
    """Return the custodian's word."""
    return MoveReported(at=at, move_id=name, custodian="ceffu", custodian_order_id=order, state=state, said="")


def seen(name: str = NAME, where: str = ACCOUNT, at: datetime = AT) -> MoveSeenAtVenue:
    """Return that the other side shows a move."""
    return MoveSeenAtVenue(at=at, move_id=name, where=where, reference="tran-881")


def mirrored(total: str, at: datetime = AT, asset: str = "stETH", account: str = ACCOUNT) -> DelegationStated:
    """Return the custodian's word on what it mirrors."""
    return DelegationStated(at=at, custodian="ceffu", account=account, asset=asset, total=D(total))


def until_approved(of: MovePayload | None = None, by: str = "ann") -> list[Event]:
    """Return a move's life until two approvers agreed."""
    of = of or payload()
    return [
        proposed(of, by=by),
        judged(of.move_id),
        decided("bob", of),
        decided("cay", of),
        approved(of, "bob", "cay"),
    ]


def until_submitted(of: MovePayload | None = None) -> list[Event]:
    """Return a move's life until the custodian may have it."""
    of = of or payload()
    return [*until_approved(of), intended(of), submitted(of.move_id)]


def whole_life(of: MovePayload | None = None) -> list[Event]:
    """Return a move's whole life."""
    of = of or payload()
    where = of.source if of.kind == "undelegate" else of.destination
    return [
        *until_submitted(of),
        reported("pending", of.move_id, order=f"o-{of.move_id}"),
        reported("in_progress", of.move_id, order=f"o-{of.move_id}"),
        reported("success", of.move_id, order=f"o-{of.move_id}"),
        seen(of.move_id, where),
        MoveDone(at=AT, move_id=of.move_id),
    ]


LARGE = PolicyRule(
    name="large",
    outcome="ask",
    quotas=(Quota(group="approvers", needed=2),),
    kinds=("delegate", "undelegate"),
    assets=("stETH",),
    sources=(WALLET,),
    destinations=(ACCOUNT,),
    venues=("binance-usdm",),
    proposers=("person", "engine"),
    amount_usd_max=D("5000000"),
    amount_max=D("2000"),
    hours=(22, 6),
    velocity_usd_max=D("10000000"),
    velocity_window_s=86_400,
    totp_usd_max=D("1000"),
)
EMERGENCY = "the venue stops withdrawals at noon"
SIGNED = Assertion(kind="passkey", key_id="key-of-dan", client_data="e30", authenticator_data="AAAA", signature="BBBB")
ALL_CAP = Cap(name="all", scope="all", subject="", window_s=86_400, usd_max=D("20000000"))
STETH_CAP = Cap(name="stETH", scope="asset", subject="stETH", window_s=3_600, amount_max=D("5000"))
DESTINATIONS = (
    Destination(name=ACCOUNT, custodian="ceffu", route=LINK, kinds=("delegate",)),
    Destination(name=WALLET, custodian="ceffu", route=LINK, kinds=("undelegate",)),
    Destination(name="w2", custodian="ceffu", route="0xw2", kinds=("transfer",)),
)


def gate_change(part: Any, version: int = 1, by: str = "dan", at: datetime = AT, **filled: Any) -> GateChangeProposed:
    """Return what the first person wants of a part of the gate."""
    return GateChangeProposed(
        at=at, change_id=f"{part}-{version}", part=part, version=version, by=by, reason="first rules", **filled
    )


def agreed(
    change: GateChangeProposed, by: str = "eve", at: datetime = AT, hold_s: int = 0, assertion: Assertion | None = None
) -> GateChangeAgreed:
    """Return the second person's agreement."""
    holds_from = at + timedelta(seconds=hold_s)
    return GateChangeAgreed(at=at, change_id=change.change_id, by=by, holds_from=holds_from, assertion=assertion)


def gate(
    *rules: PolicyRule,
    caps: tuple[Cap, ...] = (ALL_CAP,),
    at: datetime = AT - timedelta(days=3),
    destinations: tuple[Destination, ...] = DESTINATIONS,
) -> list[Event]:
    """Return the events of a whole gate that two people agreed on three days ago."""
    changes = (
        gate_change("policy", at=at, rules=rules),
        gate_change("caps", at=at, caps=caps),
        gate_change("destinations", at=at, destinations=destinations),
    )
    return [event for change in changes for event in (change, agreed(change, at=at))]


def glass_signed(by: str, of: MovePayload | None = None, **given: Any) -> BreakGlassSigned:
    """Return a person's signature of a break-glass."""
    of = of or payload()
    fields: dict[str, Any] = {
        "at": AT,
        "move_id": of.move_id,
        "payload_hash": payload_hash(of).hex(),
        "by": by,
        "reason": EMERGENCY,
        "assertion": Assertion(
            kind="passkey", key_id=f"key-of-{by}", client_data="e30", authenticator_data="AAAA", signature="BBBB"
        ),
        "seen_seq": 41,
        "from_address": "10.0.0.7",
    }
    return BreakGlassSigned(**{**fields, **given})


def glass_broken(of: MovePayload | None = None, by: str = "bob", agreed_by: str = "cay", **given: Any) -> GlassBroken:
    """Return a glass that two people broke."""
    of = of or payload()
    fields: dict[str, Any] = {"at": AT, "payload_hash": payload_hash(of).hex(), "reason": EMERGENCY}
    return GlassBroken(move_id=of.move_id, by=by, agreed_by=agreed_by, **{**fields, **given})


MOVES: list[Event] = [
    *whole_life(),
    MoveWithdrawn(at=AT, move_id=NAME, by="ann", reason="no longer needed"),
    MoveExpired(at=AT, move_id=NAME, said="not sent until 16:00 UTC"),
    MoveRefused(at=AT, move_id=NAME, rule="cap", said="at most 20,000,000 USD expected"),
    MoveRejected(at=AT, move_id=NAME, code="G20013", said="wallet permission"),
    MoveOutcomeUnknown(at=AT, move_id=NAME, because="no answer within 5 s"),
    MoveNeverArrived(at=AT, move_id=NAME, said="not in the list of orders 60 s later"),
    UnintendedMoveSeen(
        at=AT,
        source="ceffu",
        reference="99",
        kind="undelegate",
        asset="stETH",
        amount=D("3"),
        said="request id unknown to us",
    ),
    UnintendedMoveReviewed(
        at=AT, source="ceffu", reference="99", by="ann", agreed_by="bob", reason="made in the custodian's portal"
    ),
    glass_signed("bob"),
    glass_broken(),
    BreakGlassReviewed(at=AT, move_id=NAME, by="dan", agreed_by="eve", reason="it was needed, all is at the custodian"),
    mirrored("100"),
    CustodianStateChanged(at=AT, custodian="ceffu", state="settling", said="ceffu settles since 12:00:00 UTC"),
    gate_change("policy", rules=(LARGE,)),
    agreed(gate_change("policy"), hold_s=3_600),
    GateChangeDropped(at=AT, change_id="policy-1", by="dan", reason="a slip"),
]
GOLDEN: dict[str, Event] = {
    **{type(event).__name__: event for event in MOVES},
    "MoveReported": reported("success"),
    "MoveDecided": decided("cay"),
    "GateChangeProposed": GateChangeProposed(
        at=AT,
        change_id="g-1",
        part="policy",
        version=1,
        by="dan",
        reason="first rules",
        rules=(LARGE,),
        caps=(ALL_CAP, STETH_CAP),
        destinations=DESTINATIONS[:1],
        assertion=SIGNED,
    ),
    "GateChangeAgreed": agreed(gate_change("policy"), hold_s=3_600, assertion=SIGNED),
}
