"""Views of saved scenarios: give one a name, drop it, have it run each minute, put two side by side."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from portfolio.core.scenarios.asked import Asked, ScenarioIsRefused
from portfolio.core.scenarios.book import ScenarioBook
from portfolio.core.scenarios.saved import SavedScenario, asked_in, link_of
from portfolio.core.scenarios.shocks import ShockIsRefused
from portfolio.operations.scenarios import (
    BookIsBusy,
    LogIsBusy,
    ScenarioIsNotLive,
    ScenarioIsOfAnother,
    ScenarioIsUnknown,
    ScenarioNameIsMalformed,
    ScenarioNameIsTaken,
    ScenarioReasonIsMalformed,
    ScenarioStands,
    TooManyScenarios,
    drop_scenario,
    mark_scenario,
    save_scenario,
)
from portfolio.queries.past import Moment
from portfolio.queries.saved_scenarios import saved_scenarios
from portfolio.queries.scenarios import scenario_book
from portfolio.screen.saved_scenarios import compared_table, side
from portfolio.views.moments import moment_of, with_past
from portfolio.views.scenarios import MAY_DROP_OTHERS, MAY_MARK, MAY_SAVE, page

MALFORMED: Final = (ScenarioIsRefused, ScenarioNameIsMalformed, ScenarioReasonIsMalformed)
CONTRADICTS: Final = (
    ScenarioIsNotLive,
    ScenarioIsOfAnother,
    ScenarioIsUnknown,
    ScenarioNameIsTaken,
    ScenarioStands,
    TooManyScenarios,
)


@require_POST
@never_cache
@permission_required(MAY_SAVE, raise_exception=True)
def save(request: HttpRequest) -> HttpResponse:
    """Give the scenario of the page a name."""
    given = request.POST
    by, at = request.user.get_username(), datetime.now(UTC)

    def done() -> str:
        event = save_scenario(
            given.get("name", ""),
            asked_in(given.get("asked", "")),
            by=by,
            reason=given.get("reason", ""),
            at=at,
        )
        return f"Saved: {event.scenario}."

    return _done(request, done)


@require_POST
@never_cache
@permission_required(MAY_SAVE, raise_exception=True)
def drop(request: HttpRequest) -> HttpResponse:
    """Drop the scenario that the page showed."""
    given = request.POST
    by, at = request.user.get_username(), datetime.now(UTC)

    def done() -> str:
        event = drop_scenario(
            given.get("name", ""),
            saved_at=_saved_at(request),
            by=by,
            may_drop_others=request.user.has_perm(MAY_DROP_OTHERS),
            reason=given.get("reason", ""),
            at=at,
        )
        return f"Dropped: {event.scenario}."

    return _done(request, done)


@require_POST
@never_cache
@permission_required(MAY_MARK, raise_exception=True)
def mark(request: HttpRequest) -> HttpResponse:
    """Have the scenario that the page showed run each minute, or no more."""
    given = request.POST
    by, at = request.user.get_username(), datetime.now(UTC)

    def done() -> str:
        name, is_standing = given.get("name", ""), given.get("standing") == "yes"
        mark_scenario(
            name,
            saved_at=_saved_at(request),
            is_standing=is_standing,
            by=by,
            reason=given.get("reason", ""),
            at=at,
        )
        return f"{name} {'runs on the live book each minute' if is_standing else 'does not run by itself any more'}."

    return _done(request, done)


@require_safe
@never_cache
@with_past
def compare(request: HttpRequest) -> HttpResponse:
    """Show two saved scenarios side by side."""
    moment, at = moment_of(request), datetime.now(UTC)
    context: dict[str, Any] = {"names": (), "one": request.GET.get("one", ""), "other": request.GET.get("other", "")}
    status = 200
    try:
        saved = saved_scenarios(moment)
        context["names"] = tuple(one.name for one in saved)
        of_name = {one.name: one for one in saved}
        made = [_made(of_name, name, moment, at) for name in (context["one"], context["other"])]
        context["sides"] = [side(*each) for each in made]
        context["table"] = compared_table(*((book, wanted) for _, wanted, book in made))
    except (ScenarioIsUnknown, ScenarioIsRefused, ShockIsRefused) as refusal:
        context["refusal"], status = str(refusal), 400
    except BookIsBusy as busy:
        context["refusal"], status = str(busy), 503
    return render(request, "portfolio/compared_scenarios.html", context, status=status)


def _made(
    of_name: dict[str, SavedScenario], name: str, moment: Moment | None, at: datetime
) -> tuple[SavedScenario, Asked, ScenarioBook]:
    if name not in of_name:
        raise ScenarioIsUnknown(name)
    wanted = asked_in(of_name[name].saved.asked)
    book, _ = scenario_book(wanted, at, moment)
    return of_name[name], wanted, book


def _done(request: HttpRequest, done: Callable[[], str]) -> HttpResponse:
    """Do it and go back to the scenario that was looked at, or say on its page why not."""
    try:
        said = done()
    except MALFORMED as refusal:
        return page(request, _asked(request), str(refusal), status=400)
    except CONTRADICTS as refusal:
        return page(request, _asked(request), str(refusal), status=409)
    except (LogIsBusy, BookIsBusy) as busy:
        return page(request, _asked(request), str(busy), status=503)
    messages.success(request, said)
    link, address = _asked(request), reverse("portfolio:scenarios")
    return redirect(f"{address}?{link}#saved" if link else f"{address}#saved")


def _asked(request: HttpRequest) -> str:
    """Return the link of the scenario that was looked at; nothing where it is none."""
    try:
        from_link = asked_in(request.POST.get("asked", ""))
    except ScenarioIsRefused:
        return ""
    return link_of(from_link)


def _saved_at(request: HttpRequest) -> datetime:
    at: datetime | None = None
    with suppress(ValueError):
        at = datetime.fromisoformat(request.POST.get("saved_at", ""))
    if at is None or at.tzinfo is None:
        raise ScenarioIsUnknown(request.POST.get("name", ""))
    return at
