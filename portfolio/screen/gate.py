"""The gate on the screen: rules, caps and destinations as lines of words, and what differs between two versions."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal, assert_never

from hedgeapp.core.events.approvals import Cap, Destination, GateChangeProposed, PolicyRule
from hedgeapp.core.records import record
from portfolio.core.caps import Flow, used
from portfolio.core.move_headlines import asked_of
from portfolio.screen.numbers import full

ANY: Final = "any"
UNITS_S: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))

Kind = Literal["added", "removed", "changed", "moved"]


@record
class Line:
    """A rule, cap or destination: its place from 1, its name, and its words in the order of the columns."""

    place: int
    key: str
    name: str
    cells: tuple[tuple[str, str], ...]


@record
class Difference:
    """What a change does to a line: in which of its columns, from what to what."""

    kind: Kind
    name: str
    what: str
    before: str
    after: str


@record
class CapUse:
    """A cap with what is used of it now."""

    line: Line
    moves: int
    used: str
    share: float | None


def lines(change: GateChangeProposed | None) -> tuple[Line, ...]:
    """Return the lines of a part of the gate, in order; none where there is no version."""
    if change is None:
        return ()
    match change.part:
        case "policy":
            found = [(rule.name, rule.name, _rule(rule)) for rule in change.rules]
        case "caps":
            found = [(cap.name, cap.name, _cap(cap)) for cap in change.caps]
        case "destinations":
            found = [(f"{one.custodian} {one.name} {one.route}", one.name, _way(one)) for one in change.destinations]
        case _:
            assert_never(change.part)
    return tuple(
        Line(place=place, key=key, name=name, cells=tuple(cells.items()))
        for place, (key, name, cells) in enumerate(found, 1)
    )


def differences(before: Sequence[Line], after: Sequence[Line]) -> tuple[Difference, ...]:
    """Return what differs, line by line, in the order of what comes, and then what goes."""
    old, new = {one.key: one for one in before}, {one.key: one for one in after}
    kept = [key for key in old if key in new]
    ranks = {key: rank for rank, key in enumerate(key for key in new if key in old)}
    found: list[Difference] = []
    for one in after:
        was = old.get(one.key)
        if was is None:
            words = "; ".join(f"{label}: {text}" for label, text in one.cells)
            found.append(
                Difference(kind="added", name=one.name, what="as no. " + str(one.place), before="", after=words)
            )
            continue
        if kept.index(one.key) != ranks[one.key]:
            found.append(
                Difference(kind="moved", name=one.name, what="place", before=str(was.place), after=str(one.place))
            )
        then = dict(was.cells)
        for label, text in one.cells:
            if then.get(label) != text:
                found.append(
                    Difference(kind="changed", name=one.name, what=label, before=then.get(label, ""), after=text)
                )
    for was in before:
        if was.key not in new:
            words = "; ".join(f"{label}: {text}" for label, text in was.cells)
            found.append(
                Difference(kind="removed", name=was.name, what="was no. " + str(was.place), before=words, after="")
            )
    return tuple(found)


def cap_uses(change: GateChangeProposed | None, counted: Iterable[Flow], at: datetime) -> tuple[CapUse, ...]:
    """Return the caps of a version with what is used of each."""
    if change is None:
        return ()
    counted = tuple(counted)
    return tuple(_use(line, cap, counted, at) for line, cap in zip(lines(change), change.caps, strict=True))


def window(seconds: int) -> str:
    """Return a span in the largest unit that says it whole, like 24 h or 90 min; a day is 24 h."""
    for size, unit in UNITS_S:
        if seconds and seconds % size == 0 and seconds != 86_400:
            return f"{seconds // size} {unit}"
    return "24 h" if seconds else "0 s"


def _use(line: Line, cap: Cap, counted: Sequence[Flow], at: datetime) -> CapUse:
    taken = used(cap, counted, at)
    parts: list[tuple[Decimal | None, Decimal, str]] = []
    if cap.usd_max is not None:
        parts.append((taken.usd, cap.usd_max, "USD"))
    if cap.amount_max is not None:
        parts.append((taken.amount, cap.amount_max, cap.subject))
    words = [f"{full(one)} {unit}" if one is not None else f"unknown {unit}" for one, _, unit in parts]
    known = [float(one / most) if most else 1.0 for one, most, _ in parts if one is not None]
    share = max(known) if len(known) == len(parts) else None
    return CapUse(line=line, moves=taken.moves, used=", ".join(words), share=share)


def _rule(rule: PolicyRule) -> Mapping[str, str]:
    together = (
        f"{full(rule.velocity_usd_max)} USD in {window(rule.velocity_window_s)}"
        if rule.velocity_usd_max is not None
        else ANY
    )
    return {
        "then": f"ask {asked_of(rule.quotas)}" if rule.outcome == "ask" else rule.outcome,
        "kind": _listed(rule.kinds),
        "asset": _listed(rule.assets),
        "from": _listed(rule.sources),
        "to": _listed(rule.destinations),
        "venue": _listed(rule.venues),
        "proposed by": _listed(rule.proposers),
        "at most": _bounds(rule.amount_usd_max, rule.amount_max, "units"),
        "with others": together,
        "hours UTC": f"{rule.hours[0]} to {rule.hours[1]}" if rule.hours else ANY,
        "code below": f"{full(rule.totp_usd_max)} USD" if rule.totp_usd_max else "never",
    }


def _cap(cap: Cap) -> Mapping[str, str]:
    subject = {"asset": cap.subject, "route": cap.subject.replace(">", " → "), "all": "all moves"}[cap.scope]
    return {
        "of": subject,
        "at most": _bounds(cap.usd_max, cap.amount_max, cap.subject),
        "within": window(cap.window_s),
    }


def _way(one: Destination) -> Mapping[str, str]:
    return {"custodian": one.custodian, "way": one.route, "for": _listed(one.kinds)}


def _bounds(usd: Decimal | None, amount: Decimal | None, unit: str) -> str:
    words = [f"{full(value)} {of}" for value, of in ((usd, "USD"), (amount, unit)) if value is not None]
    return ", ".join(words) or ANY


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or ANY
