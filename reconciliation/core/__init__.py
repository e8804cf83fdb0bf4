"""The arithmetic of reconciliation, pure: what differs, what is a break, who may close it."""
