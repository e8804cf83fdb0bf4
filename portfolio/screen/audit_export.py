"""Audit export: deeds as lines of CSV that no spreadsheet takes for formulas."""

import csv
import io
from collections.abc import Iterable
from datetime import UTC
from typing import Final

from portfolio.queries.audit import AuditLine
from portfolio.screen.order_export import text

COLUMNS: Final = ("seq", "recorded_at", "kind", "people", "about", "said", "from_address", "seen_seq")


def header() -> str:
    """Return the line of the columns' names."""
    return _written([COLUMNS])


def rows(lines: Iterable[AuditLine]) -> str:
    """Return a line for each deed: times in UTC, texts that are no formulas."""
    return _written(_cells(line) for line in lines)


def said(sentence: str) -> str:
    """Return a line that says something about the file."""
    return _written([[sentence]])


def _cells(line: AuditLine) -> list[str]:
    at = line.recorded_at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    people = ", ".join(line.deed.people)
    told = (line.kind, people, line.deed.about, line.sentence, line.from_address)
    return [str(line.seq), at, *map(text, told), str(line.seen_seq or "")]


def _written(lines: Iterable[Iterable[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(lines)
    return out.getvalue()
