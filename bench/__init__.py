"""Benchmarks: ratios against a peer or the bare machine, measured in the same run."""
