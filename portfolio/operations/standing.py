"""Standing scenarios: keep what they came to last."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec
from django.db import connection, transaction

from portfolio.core.scenarios.standing import AGE_MAX, StandingRun
from portfolio.models import StandingResult

LOCK_ID: Final = 0x73_74_61_6E_64  # advisory lock of whoever writes results

_json: Final = msgspec.json.Encoder().encode


def keep_runs(runs: Sequence[StandingRun], at: datetime) -> bool:
    """Keep the runs of a moment in place of all before; tell whether they were kept: not when later ones are there.

    Those that are far ahead were written by a clock that was set back since, and count for nothing.
    """
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK_ID,))
        if StandingResult.objects.filter(at__gt=at, at__lte=at + AGE_MAX).exists():
            return False
        StandingResult.objects.all().delete()
        StandingResult.objects.bulk_create(
            [StandingResult(scenario=one.scenario, at=one.at, run=_json(one).decode()) for one in runs]
        )
    return True
