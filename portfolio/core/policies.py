"""Policies: what the first rule that matches says of a move.  rules x Asked x Flows -> Judgment

No match refuses. What cannot be valued, or only by a price that nobody should believe, takes the strictest of all the
rules that match it but for its worth. Two judgments join into the stricter: whatever satisfies it satisfies both.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import reduce
from typing import Final

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.events.approvals import PolicyRule
from hedgeapp.core.events.moves import MovePayload, Outcome, Quota
from hedgeapp.core.records import record
from portfolio.core.caps import Flow
from portfolio.core.move_values import Value

ENGINE: Final = "engine"  # who proposes when no person does
PERSON: Final = "person"  # in a rule: any person
STRICTNESS: Final[dict[Outcome, int]] = {"allow": 0, "ask": 1, "refuse": 2}


@record
class Asked:
    """A move as a policy sees it: what, what it is worth, who wants it, and when it is judged."""

    payload: MovePayload
    value: Value
    by: str
    at: datetime


@record
class Judgment:
    """What the policy says: `quotas` are who must agree when it asks; a TOTP may below `totp_usd_max`."""

    rule: str
    outcome: Outcome
    quotas: tuple[Quota, ...]
    totp_usd_max: Decimal
    said: str


def judgment(rules: Sequence[PolicyRule], asked: Asked, flows: Iterable[Flow]) -> Judgment:
    """Return the policy's word on a move; `flows` are the other moves that count."""
    flows = tuple(flows)
    if asked.value.is_trusted:
        first = next((rule for rule in rules if _takes(rule, asked, flows)), None)
        return _of_rule(first, f"rule {first.name} matches") if first else _no_match(asked)
    why = f"takes the strictest rule, for {asked.value.because}"
    matching = [
        _of_rule(rule, f"rule {rule.name} {why}") for rule in rules if not is_sound(rule) or _matches(rule, asked)
    ]
    return reduce(stricter, matching) if matching else _no_match(asked)


def stricter(one: Judgment, other: Judgment) -> Judgment:
    """Return what satisfies both: the stricter outcome, of each group the larger number, the smaller TOTP amount."""
    outcome = max(one.outcome, other.outcome, key=lambda each: STRICTNESS[each])
    needed: dict[str, int] = {}
    for quota in (*one.quotas, *other.quotas):
        needed[quota.group] = max(quota.needed, needed.get(quota.group, 0))
    decisive = [each for each in (one, other) if each.outcome == outcome]
    names, saids = dict.fromkeys(each.rule for each in decisive), dict.fromkeys(each.said for each in decisive)
    return Judgment(
        rule=", ".join(names),
        outcome=outcome,
        quotas=tuple(Quota(group=group, needed=needed[group]) for group in sorted(needed)) if outcome == "ask" else (),
        totp_usd_max=min(one.totp_usd_max, other.totp_usd_max),
        said="; ".join(saids),
    )


def is_sound(rule: PolicyRule) -> bool:
    """Tell whether a rule can be meant: one that asks says whom, one that does not asks nobody, its bounds are some."""
    asks = rule.outcome == "ask"
    quotas_are_whole = all(quota.needed > 0 and quota.group for quota in rule.quotas)
    groups_are_named_once = len({quota.group for quota in rule.quotas}) == len(rule.quotas)
    bounds = (rule.amount_usd_max, rule.amount_max, rule.velocity_usd_max, rule.totp_usd_max)
    hours_are_hours = rule.hours is None or all(0 <= hour <= 24 for hour in rule.hours)
    has_window = rule.velocity_usd_max is None or rule.velocity_window_s > 0
    return (
        asks == bool(rule.quotas)
        and quotas_are_whole
        and groups_are_named_once
        and all(bound is None or (bound.is_finite() and bound >= ZERO) for bound in bounds)
        and hours_are_hours
        and has_window
    )


def _of_rule(rule: PolicyRule, said: str) -> Judgment:
    if not is_sound(rule):
        return _refused(rule.name, f"rule {rule.name} contradicts itself: it refuses until it is corrected")
    return Judgment(rule=rule.name, outcome=rule.outcome, quotas=rule.quotas, totp_usd_max=rule.totp_usd_max, said=said)


def _no_match(asked: Asked) -> Judgment:
    move = asked.payload
    what = f"{move.kind} {move.asset} from {move.source} to {move.destination}"
    return _refused("", f"a rule for {what} by {asked.by} expected, found none that matches: nothing moves without one")


def _refused(name: str, said: str) -> Judgment:
    return Judgment(rule=name, outcome="refuse", quotas=(), totp_usd_max=ZERO, said=said)


def _takes(rule: PolicyRule, asked: Asked, flows: Sequence[Flow]) -> bool:
    """Tell whether a rule decides about a move; one that contradicts itself does, by refusing."""
    return not is_sound(rule) or (_matches(rule, asked) and _is_within(rule, asked, flows))


def _matches(rule: PolicyRule, asked: Asked) -> bool:
    """Tell whether a rule is about a move, whatever the move is worth in USD."""
    move = asked.payload
    return (
        _is_about(rule, move.kind, move.asset, move.source, move.destination, move.venue)
        and _is_proposer(rule, asked.by)
        and (rule.amount_max is None or move.amount <= rule.amount_max)
        and (rule.hours is None or _is_in_hours(rule.hours, asked.at))
    )


def _is_about(rule: PolicyRule, kind: str, asset: str, source: str, destination: str, venue: str) -> bool:
    pairs = (
        (rule.kinds, kind),
        (rule.assets, asset),
        (rule.sources, source),
        (rule.destinations, destination),
        (rule.venues, venue),
    )
    return all(not allowed or found in allowed for allowed, found in pairs)


def _is_proposer(rule: PolicyRule, by: str) -> bool:
    return not rule.proposers or by in rule.proposers or (by != ENGINE and PERSON in rule.proposers)


def _is_in_hours(hours: tuple[int, int], at: datetime) -> bool:
    first, end = hours
    hour = at.hour
    return first <= hour < end if first <= end else hour >= first or hour < end


def _is_within(rule: PolicyRule, asked: Asked, flows: Sequence[Flow]) -> bool:
    """Tell whether a move is worth no more than a rule takes, alone and with what moved before."""
    usd = asked.value.usd
    if usd is None:
        return False
    if rule.amount_usd_max is not None and usd > rule.amount_usd_max:
        return False
    if rule.velocity_usd_max is None:
        return True
    since = asked.at - timedelta(seconds=rule.velocity_window_s)
    taken = ZERO
    for flow in flows:
        is_its = _is_about(rule, flow.kind, flow.asset, flow.source, flow.destination, flow.venue)
        if not is_its or not flow.counts_since(since):
            continue
        if flow.amount_usd is None:
            return False
        taken += flow.amount_usd
    return taken + usd <= rule.velocity_usd_max
