"""Net delta: how far from flat a currency was in the last hour, by the frames that were shown, and what was traded."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection

from marketdata.models import Instrument, Limit
from portfolio.queries.rows import fills

CURRENCY_LENGTH_MAX: Final = 20  # characters
SPAN: Final = timedelta(hours=1)
POINTS_MAX: Final = 600
STEP: Final = SPAN / POINTS_MAX
FILLS_MAX: Final = 100
SILENCE_STEPS: Final = 3  # so many steps without a frame are drawn as a hole, not as a line

# The last frame of each step; the index on `at` bounds what is read to an hour of seconds.
_POINTS: Final = """
SELECT DISTINCT ON (floor(extract(epoch FROM at) / %(step_s)s)) at, net ->> %(currency)s, price ->> %(currency)s
  FROM portfolio_frametaken
 WHERE at > %(since)s AND at <= %(until)s
 ORDER BY floor(extract(epoch FROM at) / %(step_s)s), at DESC
"""


def last_hour(currency: str, until: datetime, seq: int | None = None) -> dict[str, Any]:
    """Return the net delta and the index price of a currency in the hour before, in at most `POINTS_MAX` steps.

    `net_delta` is in units of the currency, `price` in the quote of its contracts; a point that was not known is None,
    and so is one in a hole between frames. `band` is the limit on the net delta, None when none is set. `fills` are the
    latest ones in instruments on the currency, at most `FILLS_MAX`, as of an event if one is given.
    """
    given: dict[str, Any] = {
        "step_s": STEP.total_seconds(),
        "currency": currency,
        "since": until - SPAN,
        "until": until,
    }
    with connection.cursor() as cursor:
        cursor.execute(_POINTS, given)
        points = _with_holes(cursor.fetchall())[-POINTS_MAX:]
    return {
        "currency": currency,
        "from": (until - SPAN).isoformat(),
        "until": until.isoformat(),
        "band": _band(currency),
        "at": [at.isoformat() for at, _, _ in points],
        "net_delta": [None if net is None else float(net) for _, net, _ in points],
        "fills": _fills(currency, until - SPAN, seq),
        "price": [None if price is None else float(price) for _, _, price in points],
    }


def _with_holes(points: list[Any]) -> list[Any]:
    shown: list[Any] = []
    for point in points:
        if shown and point[0] - shown[-1][0] > SILENCE_STEPS * STEP:
            shown.append((shown[-1][0] + STEP, None, None))
        shown.append(point)
    return shown


def _fills(currency: str, since: datetime, seq: int | None) -> list[dict[str, str]]:
    instruments = list(Instrument.objects.filter(base=currency).values_list("id", flat=True))
    latest = fills(seq).filter(instrument__in=instruments).order_by("-from_seq")[:FILLS_MAX]
    return [
        {
            "at": fill.at.isoformat(),
            "side": fill.side,
            "said": f"{fill.account} {fill.side} {fill.quantity.normalize():f} {fill.instrument} "
            f"at {fill.price.normalize():f}",
        }
        for fill in latest
        if fill.at > since
    ]


def _band(currency: str) -> float | None:
    limit = Limit.objects.filter(kind="net_delta_band", subject=currency).values_list("value", flat=True).first()
    return None if limit is None else float(limit)
