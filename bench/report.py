"""The rows of a benchmark: a figure, what it was compared with in the same run, and the budget it must keep."""

from hedgeapp.core.records import record


@record
class Row:
    """A figure; `ratio` is against `compared_with`, `budget` the bound in words (`is_met` None: no bound)."""

    name: str
    value: float
    unit: str
    compared_with: str = ""
    ratio: float | None = None
    budget: str = ""
    is_met: bool | None = None
