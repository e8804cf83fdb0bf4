"""Scenario export: the columns of a scenario as CSV, as Parquet and as text for a terminal."""

import csv
import io
import math
from collections.abc import Mapping, Sequence

from portfolio.core.scenarios.table import Column
from portfolio.screen.scenario import number


def as_csv(columns: Sequence[Column]) -> str:
    """Return a line of names and a line for each step; a number that is not known is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(column.name for column in columns)
    for step in range(len(columns[0].values)):
        writer.writerow(_text(float(column.values[step])) for column in columns)
    return out.getvalue()


def as_parquet(columns: Sequence[Column], about: Mapping[str, str]) -> bytes:
    """Return the same as a Parquet file whose columns say their units, and the whole what was asked for."""
    import pyarrow  # it takes long to load, and only this needs it
    from pyarrow import parquet

    fields = [pyarrow.field(column.name, pyarrow.float64(), metadata={"unit": column.unit}) for column in columns]
    schema = pyarrow.schema(fields, metadata=dict(about))
    arrays = [pyarrow.array(column.values) for column in columns]
    sink = pyarrow.BufferOutputStream()
    parquet.write_table(pyarrow.Table.from_arrays(arrays, schema=schema), sink, compression="zstd")
    whole: bytes = sink.getvalue().to_pybytes()
    return whole


def as_text(found: Sequence[Column]) -> str:
    """Return columns under their titles and units, each as wide as it must be."""
    cells = [
        [
            "swept" if one.group == "swept" else "",
            one.title,
            one.unit,
            *(number(value, one.unit) for value in one.values),
        ]
        for one in found
    ]
    widths = [max(map(len, column)) for column in cells]
    lines = zip(*cells, strict=True)
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _text(value: float) -> str:
    if math.isnan(value):
        return ""
    return f"{value:.12g}" if value else "0"
