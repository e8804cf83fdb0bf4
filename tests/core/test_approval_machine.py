"""No interleaving of commands, by any set of people, sends a move that a naive reading of the rules does not allow."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any, Final

from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hedgeapp.core.events import Event, Recorded
from hedgeapp.core.events.approvals import Assertion, Cap, GateChangeAgreed, MoveDecided, PolicyRule
from hedgeapp.core.events.break_glass import BreakGlassSigned
from hedgeapp.core.events.halts import HaltDeclared, HaltLifted, ResumeAsked
from hedgeapp.core.events.moves import MoveDone, MoveJudged, MovePayload, MoveProposed, Quota
from portfolio.core.book import Book
from portfolio.core.caps import flows
from portfolio.core.figures import exact
from portfolio.core.move_checks import Circumstances, Clearance, clearance
from portfolio.core.move_gates import COOL_OFF
from portfolio.core.move_payloads import payload_hash
from portfolio.core.move_values import MovePrice, value
from portfolio.core.policies import Asked, judgment
from portfolio.core.valuation import Valuation
from tests.builders.books import collateral, limit, reference
from tests.builders.moves import (
    approved,
    decided,
    gate,
    gate_change,
    intended,
    mirrored,
    payload,
    reported,
    seen,
    submitted,
)
from tests.builders.orders import AT

D = Decimal
NAMES: Final = ("ann", "bob", "cay", "dan", "eve")
GROUPS: Final = ("approvers", "risk")
CAP_USD: Final = D(3_000)
LIFE: Final = timedelta(hours=4)
DAY: Final = timedelta(hours=24)
PRICE: Final = MovePrice(usd=D("0.5"), high_usd=D(1), trust="verified", because="")


def quotas(**needed: int) -> tuple[Quota, ...]:
    return tuple(Quota(group=group, needed=needed[group]) for group in sorted(needed))


# Each policy as its rules, and again as a plain function of (amount, who proposes).
POLICIES: Final[tuple[tuple[PolicyRule, ...], ...]] = (
    (
        PolicyRule(name="small", outcome="allow", amount_usd_max=D(60), proposers=("engine",)),
        PolicyRule(name="medium", outcome="ask", quotas=quotas(approvers=1), amount_usd_max=D(600)),
        PolicyRule(name="large", outcome="ask", quotas=quotas(approvers=2, risk=1)),
    ),
    (PolicyRule(name="risk", outcome="ask", quotas=quotas(risk=1), amount_usd_max=D(1_000)),),
    (PolicyRule(name="free", outcome="allow"),),
)


def naive_policy(number: int, amount: Decimal, by: str) -> dict[str, int] | None:
    """Return who is needed; None refuses."""
    if number == 0:
        if amount <= 60 and by == "engine":
            return {}
        return {"approvers": 1} if amount <= 600 else {"approvers": 2, "risk": 1}
    if number == 1:
        return {"risk": 1} if amount <= 1_000 else None
    return {}


@dataclass
class Vote:
    """What a person really did."""

    by: str
    groups: frozenset[str]
    is_true: bool


@dataclass
class Wish:
    """A move as the oracle remembers it."""

    payload: MovePayload
    by: str
    at: datetime
    votes: list[Vote] = field(default_factory=list)
    is_marked: bool = False
    is_rejected: bool = False
    is_sent: bool = False


def proof(decision: MoveDecided | BreakGlassSigned, challenge: bytes) -> str:
    is_own = decision.assertion.key_id == f"key-of-{decision.by}"
    return "" if is_own and decision.assertion.signature == challenge.hex() else "it does not"


class Gatekeeping(RuleBasedStateMachine):
    """People, honest or not, and a clock."""

    def __init__(self) -> None:
        super().__init__()
        self.book = Book()
        self.at = AT
        self.wishes: list[Wish] = []
        self.roles: dict[str, frozenset[str]] = {}
        self.policies: list[tuple[datetime, int]] = []
        self.touched: list[tuple[datetime, str]] = []  # when somebody changed what every move rests on
        self.sent: list[tuple[datetime, Decimal]] = []
        self.halted = False
        self.count = 0

    def log(self, *events: Event) -> None:
        for one in events:
            self.book.apply(Recorded(seq=self.book.seq + 1, recorded_at=self.at, event=one))

    @initialize(number=st.sampled_from([0, 0, 1, 2]))
    def begin(self, number: int) -> None:
        now, self.at = self.at, AT - timedelta(days=3)
        cap = Cap(name="all", scope="all", subject="", window_s=86_400, usd_max=CAP_USD)
        self.log(*reference(), *gate(*POLICIES[number], caps=(cap,)))
        self.at = now
        self.policies = [(AT - timedelta(days=3), number)]
        self.roles = {name: frozenset(GROUPS) if name == "eve" else frozenset({"approvers"}) for name in NAMES}
        self.roles["dan"] = frozenset({"risk"})
        self.hear()

    @precondition(lambda self: len(self.wishes) < 6)
    @rule(
        by=st.sampled_from([*NAMES, "engine"]),
        amount=st.sampled_from(["50", "500", "1500"]),
        kind=st.sampled_from(["delegate", "undelegate"]),
        is_forged=st.booleans(),
        is_marked=st.sampled_from([True, True, False]),
    )
    def propose(self, by: str, amount: str, kind: Any, is_forged: bool, is_marked: bool) -> None:
        of = payload(f"mv{len(self.wishes)}", kind=kind, amount=D(amount), expires_at=self.at + LIFE)
        worth = value(of.amount, PRICE)
        asked = Asked(payload=of, value=worth, by=by, at=self.at)
        found = judgment(self.book.gate.rules(self.at), asked, flows(self.book.moves))
        if found.outcome == "refuse" and not is_forged:
            return
        self.wishes.append(Wish(payload=of, by=by, at=self.at))
        self.log(
            MoveProposed(at=self.at, payload=of, by=by, reason="", rests_on=()),
            MoveJudged(
                at=self.at,
                move_id=of.move_id,
                policy_version=1,
                rule=found.rule,
                outcome="allow" if is_forged else found.outcome,
                quotas=() if is_forged else found.quotas,
                amount_usd=worth.usd,
                trust="verified",
                totp_usd_max=D(0),
                said="",
            ),
        )
        if is_marked:
            self.mark(self.wishes[-1])

    def mark(self, wish: Wish) -> None:
        """Write the milestone of a quorum, whether there is one or not."""
        self.log(approved(wish.payload, *NAMES))
        wish.is_marked = wish.is_marked or not wish.is_rejected

    @precondition(lambda self: self.wishes)
    @rule(
        data=st.data(),
        by=st.sampled_from(NAMES),
        how=st.sampled_from(["unsigned", "stolen", "edited", "totp", "claimed"]),
    )
    def approve_falsely(self, data: st.DataObject, by: str, how: str) -> None:
        self.approve(data.draw(st.sampled_from(self.wishes)), by, how)

    @precondition(lambda self: self.wishes)
    @rule(data=st.data(), who=st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
    def approve_truly(self, data: st.DataObject, who: list[str]) -> None:
        wish = data.draw(st.sampled_from(self.wishes))
        for by in who:
            self.approve(wish, by, "true")

    def approve(self, wish: Wish, by: str, how: str) -> None:
        of, groups = wish.payload, self.roles.get(by, frozenset())
        if any(vote.by == by for vote in wish.votes):
            return
        signed = payload_hash(of if how != "edited" else replace(of, amount=of.amount + 1))
        assertion = Assertion(
            kind="totp" if how == "totp" else "passkey",
            key_id="key-of-eve" if how == "stolen" and by != "eve" else f"key-of-{by}",
            signature="" if how == "unsigned" else signed.hex(),
        )
        claimed = tuple(GROUPS) if how == "claimed" else tuple(sorted(groups))
        self.log(replace(decided(by, of, groups=claimed, at=self.at), assertion=assertion))
        is_open = not (wish.is_rejected or wish.is_sent)
        if is_open:
            is_true = how in ("true", "claimed") or (how == "stolen" and by == "eve")
            at_the_time = frozenset(GROUPS) if how == "claimed" else groups
            wish.votes.append(Vote(by=by, groups=at_the_time, is_true=is_true))

    @precondition(lambda self: self.wishes)
    @rule(data=st.data(), by=st.sampled_from(NAMES), what=st.sampled_from(["mark", "mark", "reject"]))
    def mark_or_reject(self, data: st.DataObject, by: str, what: str) -> None:
        wish = data.draw(st.sampled_from(self.wishes))
        if what == "mark":
            self.mark(wish)
            return
        self.log(decided(by, wish.payload, verdict="reject", at=self.at))
        wish.is_rejected = wish.is_rejected or not wish.is_sent

    @rule(data=st.data(), what=st.sampled_from(["role", "limit", "policy", "policy", "halt"]))
    def disturb(self, data: st.DataObject, what: str) -> None:
        by = data.draw(st.sampled_from(NAMES))
        match what:
            case "role":
                self.roles[by] = self.roles[by] ^ {data.draw(st.sampled_from(GROUPS))}
            case "limit":
                self.change_limit(by)
            case "policy":
                self.change_policy(by, data.draw(st.sampled_from(NAMES)), data.draw(st.sampled_from([0, 1, 2])))
            case _:
                self.halt_or_resume()

    def change_limit(self, by: str) -> None:
        self.count += 1
        self.log(replace(limit("net_delta_band", "ETH", str(self.count)), by=by, at=self.at, version=self.count))
        self.touched.append((self.at, by))

    def change_policy(self, by: str, second: str, number: int) -> None:
        change = gate_change("policy", len(self.policies) + 1, by=by, at=self.at, rules=POLICIES[number])
        holds_from = self.at + COOL_OFF
        self.log(change, GateChangeAgreed(at=self.at, change_id=change.change_id, by=second, holds_from=holds_from))
        if by != second:
            self.policies.append((holds_from, number))
            self.touched += [(holds_from, by), (holds_from, second)]

    def halt_or_resume(self) -> None:
        self.count += 1
        if self.halted:
            asked = ResumeAsked(at=self.at, halt_id="h", by="ann", reason="")
            self.log(asked, HaltLifted(at=self.at, halt_id="h", asked_by="ann", approved_by="bob"))
        else:
            self.log(HaltDeclared(at=self.at, halt_id="h", scope="*", by="ann", reason=""))
        self.halted = not self.halted

    @rule(hours=st.sampled_from([0.5, 1.0, 3.0, 25.0]))
    def wait(self, hours: float) -> None:
        self.at += timedelta(hours=hours)
        self.hear()

    def hear(self) -> None:
        """Let the custodian say again what it holds."""
        self.log(collateral("stETH", "1000000", self.at), mirrored("500000", self.at))

    @precondition(lambda self: self.wishes)
    @rule(data=st.data())
    def send(self, data: st.DataObject) -> None:
        wish = data.draw(st.sampled_from(self.wishes))
        found = self.cleared(wish)
        if found.refusals:
            return
        of = wish.payload
        wish.is_sent = True
        self.sent.append((self.at, of.amount))
        where = of.destination if of.kind == "delegate" else of.source
        self.log(
            intended(of, amount_usd=str(found.worth.usd), at=self.at),
            submitted(of.move_id, self.at),
            reported("success", of.move_id, order=of.move_id, at=self.at),
            seen(of.move_id, where, self.at),
            MoveDone(at=self.at, move_id=of.move_id),
        )

    def cleared(self, wish: Wish) -> Clearance:
        move = self.book.moves.get(wish.payload.move_id)
        assert move is not None
        now = Circumstances(
            valuation=Valuation(self.book, {}, self.at),
            people=self.roles,
            price=PRICE,
            headroom_after_usd=exact(D(10)),
            headroom_floor_usd=D(1),
        )
        return clearance(move, self.book, now, proof)

    @invariant()
    def what_may_be_sent_is_what_the_rules_allow(self) -> None:
        for wish in self.wishes:
            refusals, is_allowed = self.cleared(wish).refusals, self.allowed(wish)
            event(f"{wish.payload.amount} by {wish.by}: {is_allowed}")
            assert (not refusals) == is_allowed, [one.said for one in refusals]

    @invariant()
    def nothing_was_sent_twice(self) -> None:
        assert len([one for one in self.wishes if one.is_sent]) == len(self.sent)
        assert not self.book.moves.alarms

    def allowed(self, wish: Wish) -> bool:
        """Tell by the rules as they are written, one by one, whether a move may be sent now."""
        of = wish.payload
        if wish.is_rejected or wish.is_sent or not wish.is_marked or self.at >= of.expires_at:
            return False
        if self.halted and of.kind == "delegate":
            return False
        if sum((amount for at, amount in self.sent if at > self.at - DAY), D(0)) + of.amount > CAP_USD:
            return False
        tainted = {who for at, who in self.touched if at >= wish.at - DAY} | {wish.by}
        voters = {
            vote.by: vote.groups & self.roles[vote.by] for vote in wish.votes if vote.is_true and vote.by not in tainted
        }
        needed: dict[str, int] = {}
        for when in (wish.at, self.at):
            in_force = [number for holds_from, number in self.policies if holds_from <= when][-1]
            asked = naive_policy(in_force, of.amount, wish.by)
            if asked is None:
                return False
            needed = {group: max(needed.get(group, 0), asked.get(group, 0)) for group in GROUPS}
        return seatable([group for group in GROUPS for _ in range(needed[group])], voters)


def seatable(places: Sequence[str], voters: dict[str, frozenset[str]]) -> bool:
    """Tell by trying them all whether some order of people fills the places."""
    orders = permutations(voters, len(places))
    return any(all(place in voters[who] for place, who in zip(places, order, strict=True)) for order in orders)


Gatekeeping.TestCase.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
TestGatekeeping = Gatekeeping.TestCase
