"""Run all benchmarks, print a table, write var/bench.json; exit non-zero when a budget is missed."""

import argparse
import importlib
import os
import sys
from pathlib import Path

import msgspec

from bench.report import Row

MEASURES = (
    "decode",
    "eventlog",
    "orders",
    "pipeline",
    "dashboards",
    "pricing",
    "ladders",
    "scenarios",
    "engine",
    "oracles",
    "reconcile",
    "past",
    "stack",
    "soak",
)
LONG = ("soak",)  # twelve minutes: only when it is asked for


def main() -> int:
    """Measure what was asked for, all of it by default."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("measures", nargs="*", choices=[[], *MEASURES], help=f"which (default: all but {LONG[0]})")
    chosen = parser.parse_args().measures or [name for name in MEASURES if name not in LONG]
    rows: list[Row] = []
    for name in chosen:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        rows += importlib.import_module(f"bench.{name}").measure()
    print(table(rows))
    folder = Path(os.environ.get("HEDGEAPP_VAR", "var"))
    folder.mkdir(exist_ok=True)
    (folder / "bench.json").write_bytes(msgspec.json.format(msgspec.json.encode(rows), indent=2))
    missed = [row.name for row in rows if row.is_met is False]
    if missed:
        print(f"budget missed: {', '.join(missed)}", file=sys.stderr)
    return bool(missed)


def table(rows: list[Row]) -> str:
    """Return the rows as a table for a terminal and for Markdown."""
    lines = ["| what | value | compared with | ratio | budget | |", "|---|---:|---|---:|---|---|"]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f} ×"
        met = {None: "", True: "met", False: "MISSED"}[row.is_met]
        lines.append(
            f"| {row.name} | {row.value:,.4g} {row.unit} | {row.compared_with} | {ratio} | {row.budget} | {met} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
