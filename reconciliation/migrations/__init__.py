"""The reconciliation's migrations."""
