"""Budgets: how old each kind of datum may become."""

from marketdata.models import Limit


def data_budgets_ms() -> dict[str, int]:
    """Return the age in milliseconds at which a datum is stale, by the subject of its limit."""
    rows = Limit.objects.filter(kind="data_age_ms_max").values_list("subject", "value")
    return {subject: int(value) for subject, value in rows}
