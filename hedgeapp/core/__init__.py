"""The common language: records, amounts, instruments, reference data and events."""
