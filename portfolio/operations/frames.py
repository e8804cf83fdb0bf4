"""Frames: keep what was shown, let go of what is old."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from portfolio.core.frames import Frame
from portfolio.models import FrameTaken

KEPT_FOR: Final = timedelta(days=7)


def keep_frame(frame: Frame) -> None:
    """Keep a frame that was shown; one that is kept already changes nothing."""
    prices: dict[str, Decimal | None] = {}
    for venue in frame.positions:
        for row in venue.rows:
            if prices.get(row.base) is None:
                prices[row.base] = row.index.value
    FrameTaken.objects.bulk_create(
        [
            FrameTaken(
                number=frame.number,
                at=frame.at,
                seq=frame.seq,
                net={row.currency: _text(row.net.value) for row in frame.exposure},
                price={currency: _text(price) for currency, price in prices.items()},
            )
        ],
        ignore_conflicts=True,
    )


def prune_frames(at: datetime) -> int:
    """Delete the frames older than KEPT_FOR and return how many there were."""
    deleted, _ = FrameTaken.objects.filter(at__lt=at - KEPT_FOR).delete()
    return deleted


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)
