"""What the portfolio does by itself: periodic tasks, and the desk that carries orders, cancels and halts."""

from portfolio.tasks.bell import work
from portfolio.tasks.calls import call
from portfolio.tasks.periodic import prune_frames, prune_minutes, snapshot_book

__all__ = ["call", "prune_frames", "prune_minutes", "snapshot_book", "work"]
