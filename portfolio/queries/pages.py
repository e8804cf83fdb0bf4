"""Pages: rows newest first, a page at a time, by the event of a page's edge; within a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Generic, TypeVar

from django.db import OperationalError, connection, transaction
from django.db.models import QuerySet

from hedgeapp.core.records import record
from portfolio.models import Version

V = TypeVar("V", bound=Version)

PAGE: Final = 100  # rows on a page
READ_MS_MAX: Final = 3_000  # a search that takes longer is given up


class SearchIsTooWide(Exception):
    """The search would read too many rows."""

    def __init__(self) -> None:
        super().__init__(
            f"orders that match expected within {READ_MS_MAX / 1000:.0f} s, found too few in that time: "
            "give a range of days, or another filter"
        )


@record
class Page(Generic[V]):
    """A page of rows, newest first; `older` and `newer` are where the next pages begin, None at an end."""

    rows: tuple[V, ...]
    older: int | None
    newer: int | None


def page_of(rows: "QuerySet[V]", edge: str, *, before: int | None, after: int | None) -> Page[V]:
    """Return the page of rows before or after an edge, the first one without; raises `SearchIsTooWide`.

    `edge` is the field that orders them, an event's seq; the rows come in its descending order.
    """
    with bounded():
        if after is not None:
            found = list(rows.filter(**{f"{edge}__gt": after}).order_by(edge)[: PAGE + 1])
            has_newer, found = len(found) > PAGE, found[:PAGE][::-1]
            has_older = bool(found)
        else:
            found = list((rows if before is None else rows.filter(**{f"{edge}__lt": before}))[: PAGE + 1])
            has_older, found = len(found) > PAGE, found[:PAGE]
            has_newer = before is not None and bool(found)
            has_newer = has_newer and rows.filter(**{f"{edge}__gt": getattr(found[0], edge)}).exists()
    return Page(
        rows=tuple(found),
        older=getattr(found[-1], edge) if has_older else None,
        newer=getattr(found[0], edge) if has_newer else None,
    )


@contextmanager
def bounded() -> Iterator[None]:
    """Let what is asked within take `READ_MS_MAX`; raises `SearchIsTooWide` when it takes longer."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {READ_MS_MAX}")
            yield
    except OperationalError as error:
        if "statement timeout" in str(error):
            raise SearchIsTooWide from error
        raise
