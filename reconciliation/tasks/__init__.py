"""What reconciliation does by itself: it looks whose run is due, and compares; on a queue of its own."""

from reconciliation.tasks.periodic import prune_runs, reconcile_due, reconcile_subject

__all__ = ["prune_runs", "reconcile_due", "reconcile_subject"]
