"""Gate checks: what of a proposed part of the gate cannot be meant, or could surprise.  change x Ground -> Findings"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final, assert_never, get_args

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.events.approvals import Cap, Destination, GateChangeProposed, PolicyRule
from hedgeapp.core.events.moves import MoveKind
from hedgeapp.core.records import record
from portfolio.core.approvals import People, seated
from portfolio.core.caps import WINDOW_S_MAX, route
from portfolio.core.catalogue import Catalogue
from portfolio.core.policies import ENGINE, PERSON, is_sound

LINES_MAX: Final = 100  # of a part
NAME_LENGTH_MAX: Final = 100  # characters
HOURS_OF_A_DAY: Final = 24
KINDS: Final[tuple[MoveKind, ...]] = get_args(MoveKind)


@record
class Ground:
    """What a change is held against: the catalogue, who is there, which groups exist, and the wallets that are stated.

    `wallets` are the names of the wallets that a custodian has stated something of.
    """

    catalogue: Catalogue
    people: People
    groups: frozenset[str]
    wallets: frozenset[str]


@record
class Findings:
    """Sentences: what must be corrected before anybody may propose it, and what whoever signs should know."""

    refusals: tuple[str, ...]
    cautions: tuple[str, ...]


def findings(change: GateChangeProposed, ground: Ground) -> Findings:
    """Return what is wrong with a change, and what is only unusual."""
    lines: Sequence[PolicyRule | Cap | Destination]
    match change.part:
        case "policy":
            lines, refusals = change.rules, _of_rules(change.rules, ground)
            cautions = _surprises(change.rules, ground)
        case "caps":
            lines, refusals, cautions = change.caps, _of_caps(change.caps, ground), iter(())
        case "destinations":
            lines, refusals = change.destinations, _of_destinations(change.destinations, ground)
            cautions = _unstated(change.destinations, ground)
        case _:
            assert_never(change.part)
    if not 0 < len(lines) <= LINES_MAX:
        said = f"1 to {LINES_MAX} lines in the {change.part} expected, found {len(lines)}: to stop moves, halt"
        return Findings(refusals=(said,), cautions=())
    return Findings(refusals=tuple(dict.fromkeys(refusals)), cautions=tuple(dict.fromkeys(cautions)))


def unreachable(rule: PolicyRule, people: People, without: Iterable[str] = ()) -> bool:
    """Tell whether those who are there, but for some, could never be the quorum of a rule."""
    left = set(without)
    _, missing = seated(rule.quotas, {name: groups for name, groups in people.items() if name not in left})
    return bool(missing)


def _of_rules(rules: Sequence[PolicyRule], ground: Ground) -> Iterator[str]:
    yield from _twice((rule.name for rule in rules), "rule")
    for rule in rules:
        name = _shown("rule", rule.name)
        yield from _name(rule.name, "rule")
        if not is_sound(rule):
            yield from _unsound(rule, name)
            continue
        if rule.velocity_window_s > WINDOW_S_MAX:
            yield f"{name}: a window of at most {WINDOW_S_MAX} s expected, found {rule.velocity_window_s} s"
        yield from _known(name, "asset", rule.assets, ground.catalogue.assets)
        yield from _known(name, "venue", rule.venues, ground.catalogue.venues)
        yield from _known(name, "place to move from", rule.sources, _places(ground))
        yield from _known(name, "place to move to", rule.destinations, _places(ground))
        yield from _known(name, "proposer", rule.proposers, {PERSON, ENGINE, *ground.people})
        yield from _quotas(rule, name, ground)


def _unsound(rule: PolicyRule, name: str) -> Iterator[str]:
    if rule.outcome == "ask" and not rule.quotas:
        yield f"{name}: somebody to ask expected, found nobody: name a group and how many of it"
    elif rule.outcome != "ask" and rule.quotas:
        yield f"{name}: nobody to ask expected of a rule that says {rule.outcome}, found some: remove them"
    elif any(quota.needed < 1 or not quota.group for quota in rule.quotas):
        yield f"{name}: 1 or more people of a group expected, found fewer"
    elif len({quota.group for quota in rule.quotas}) < len(rule.quotas):
        yield f"{name}: each group once expected, found one of them twice: add the people up"
    elif rule.velocity_usd_max is not None and rule.velocity_window_s <= 0:
        yield f"{name}: a window above 0 h expected beside a velocity in USD, found none: say within which time"
    elif rule.hours is not None and not all(0 <= hour <= HOURS_OF_A_DAY for hour in rule.hours):
        yield f"{name}: hours of 0 to {HOURS_OF_A_DAY} UTC expected, found {rule.hours[0]} to {rule.hours[1]}"
    else:
        yield f"{name}: amounts of 0 or more expected, found one below 0 or none at all"


def _quotas(rule: PolicyRule, name: str, ground: Ground) -> Iterator[str]:
    for quota in rule.quotas:
        members = sorted(person for person, groups in ground.people.items() if quota.group in groups)
        if quota.group not in ground.groups:
            known = ", ".join(sorted(ground.groups)) or "none"
            yield f"{name}: a known group expected, found {quota.group!r}; known are {known}"
        elif len(members) < quota.needed:
            has = f"{len(members)} ({', '.join(members)})" if members else "nobody"
            yield f"{name}: {quota.needed} people of {quota.group} expected, found {has}: ask fewer, or give the role"
    if all(quota.group in ground.groups for quota in rule.quotas) and unreachable(rule, ground.people):
        asked = " and ".join(f"{quota.needed} of {quota.group}" for quota in rule.quotas)
        yield f"{name}: {asked} expected to be that many different people, found too few: no quorum is possible"


def _surprises(rules: Sequence[PolicyRule], ground: Ground) -> Iterator[str]:
    for place, rule in enumerate(rules):
        name = _shown("rule", rule.name)
        earlier = next((one for one in rules[:place] if _covers(one, rule)), None)
        if earlier is not None:
            yield f"{name} never decides: rule {earlier.name} before it matches all that it would"
        if rule.outcome == "allow" and rule.amount_usd_max is None and rule.amount_max is None:
            yield f"{name} lets any amount pass without anybody's approval: only the caps bound it"
        asked = {quota.group for quota in rule.quotas}
        alone = [
            person
            for person, groups in sorted(ground.people.items())
            if groups & asked and unreachable(rule, ground.people, [person])
        ]
        if alone and not unreachable(rule, ground.people):
            yield f"{name} needs each of {', '.join(alone)}: when one proposes or is away, nobody can stand in"


def _covers(one: PolicyRule, other: PolicyRule) -> bool:
    """Tell whether a rule matches whatever another one matches, as far as that is plain."""
    names = ("kinds", "assets", "sources", "destinations", "venues")
    if not all(_has(getattr(one, name), getattr(other, name)) for name in names):
        return False
    is_bounded = one.hours is not None and one.hours != other.hours
    people = _has(one.proposers, other.proposers) or (PERSON in one.proposers and _is_of_people(other.proposers))
    amounts = all(_above(getattr(one, name), getattr(other, name)) for name in ("amount_usd_max", "amount_max"))
    return people and amounts and not is_bounded and one.velocity_usd_max is None


def _has(one: Sequence[str], other: Sequence[str]) -> bool:
    return not one or (bool(other) and set(other) <= set(one))


def _is_of_people(proposers: Sequence[str]) -> bool:
    return bool(proposers) and ENGINE not in proposers


def _above(one: Decimal | None, other: Decimal | None) -> bool:
    return one is None or (other is not None and other <= one)


def _of_caps(caps: Sequence[Cap], ground: Ground) -> Iterator[str]:
    yield from _twice((cap.name for cap in caps), "cap")
    if not any(cap.scope == "all" and cap.usd_max is not None for cap in caps):
        yield "a cap of all moves in USD expected, found none: nothing moves without one"
    for cap in caps:
        name = _shown("cap", cap.name)
        yield from _name(cap.name, "cap")
        yield from _subject(cap, name, ground)
        bounds = [bound for bound in (cap.usd_max, cap.amount_max) if bound is not None]
        if not bounds:
            yield f"{name}: a bound in USD or in units expected, found none"
        elif not all(bound.is_finite() and bound >= ZERO for bound in bounds):
            yield f"{name}: a bound of 0 or more expected, found {', '.join(map(str, bounds))}"
        if not 0 < cap.window_s <= WINDOW_S_MAX:
            yield f"{name}: a window of 1 to {WINDOW_S_MAX} s expected, found {cap.window_s} s"
        if cap.amount_max is not None and cap.scope != "asset":
            yield f"{name}: a bound in units on an asset expected, found one on {cap.scope}: give it in USD"


def _subject(cap: Cap, name: str, ground: Ground) -> Iterator[str]:
    match cap.scope:
        case "all":
            if cap.subject:
                yield f"{name}: no subject expected of a cap of all moves, found {cap.subject!r}"
        case "asset":
            yield from _known(name, "asset", (cap.subject,), ground.catalogue.assets)
        case "route":
            source, _, destination = cap.subject.partition(">")
            if route(source, destination) != cap.subject or not source or not destination:
                yield f"{name}: a route written source>destination expected, found {cap.subject!r}"
            else:
                yield from _known(name, "place", (source, destination), _places(ground))
        case _:
            assert_never(cap.scope)


def _of_destinations(destinations: Sequence[Destination], ground: Ground) -> Iterator[str]:
    yield from _twice((f"{one.name} of {one.custodian} by {one.route}" for one in destinations), "destination")
    for one in destinations:
        name = _shown("destination", one.name)
        yield from _name(one.name, "destination")
        yield from _known(name, "custodian", (one.custodian,), ground.catalogue.custodians)
        if not _is_plain(one.route):
            yield f"{name}: the custodian's own name of the way there expected, found {one.route[:50]!r}"
        if not one.kinds:
            yield f"{name}: a kind of move expected, found none"
        is_account = one.name in ground.catalogue.accounts
        if "delegate" in one.kinds and not is_account:
            yield f"{name}: an account expected to delegate to, found something else: introduce the account first"
        if is_account and set(one.kinds) - {"delegate"}:
            yield f"{name}: a wallet expected to undelegate or transfer to, found an account"


def _unstated(destinations: Sequence[Destination], ground: Ground) -> Iterator[str]:
    for one in destinations:
        if one.name not in _places(ground):
            yield f"{_shown('destination', one.name)} was never stated by {one.custodian}: compare it, letter by letter"


def _places(ground: Ground) -> frozenset[str]:
    return ground.wallets | frozenset(ground.catalogue.accounts)


def _known(name: str, what: str, found: Iterable[str], known: Mapping[str, object] | Iterable[str]) -> Iterator[str]:
    allowed = set(known)
    for one in found:
        if one not in allowed:
            listed = ", ".join(sorted(allowed)[:12]) or "none is"
            yield f"{name}: a known {what} expected, found {one[:50]!r}; known are {listed}"


def _name(name: str, what: str) -> Iterator[str]:
    if not _is_plain(name):
        yield f"a name of a {what} of 1 to {NAME_LENGTH_MAX} printable characters expected, found {name[:50]!r}"


def _is_plain(text: str) -> bool:
    return 0 < len(text) <= NAME_LENGTH_MAX and text.isascii() and text.isprintable() and text == text.strip()


def _twice(names: Iterable[str], what: str) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield f"each {what} once expected, found {name[:50]!r} twice: rename or remove one"
        seen.add(name)


def _shown(what: str, name: str) -> str:
    return f"{what} {name[:50]}"
