"""Recorded market data leaves as Parquet files that say their units, whole or not at all."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command

from tests.builders.recorded import emptied_records

parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is in the lock, but not installed: run make dev")

DAY = datetime(2026, 3, 1, tzinfo=UTC)
ETH = "binance-usdm:ETH-USDT-PERP"


@pytest.fixture
def records(owner: psycopg.Connection[Any]) -> Iterator[psycopg.Connection[Any]]:
    """Two days with a trade each hour, and one quote."""
    emptied_records(owner)
    owner.execute("SELECT marketdata_keep_days(%s, %s)", [date(2026, 2, 28), date(2026, 3, 3)])
    for hour in range(48):
        at = DAY + timedelta(hours=hour)
        owner.execute(
            "INSERT INTO marketdata_trade VALUES (%s, %s, %s, %s, 'buy', 2681.6, 0.5)", [at, at, ETH, str(hour)]
        )
    owner.execute("INSERT INTO marketdata_quote VALUES (%s, %s, %s, 2681.6, 2681.7, NULL, 2682.0)", [DAY, DAY, ETH])
    yield owner
    emptied_records(owner)


def exported(folder: Path, since: str, until: str, *kinds: str) -> str:
    """Run the command; return what it says."""
    said = StringIO()
    given = [f"--from={since}", f"--to={until}", f"--to-folder={folder}", *(f"--kind={kind}" for kind in kinds)]
    call_command("export_market_data", *given, stdout=said)
    return said.getvalue()


@pytest.mark.usefixtures("records")
def test_each_kind_and_day_is_a_file(tmp_path: Path) -> None:
    exported(tmp_path, "2026-03-01", "2026-03-03")
    names = ["quotes-20260301.parquet", "trades-20260301.parquet", "trades-20260302.parquet"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    table = parquet.read_table(tmp_path / names[1])
    assert table.column("trade_id").to_pylist() == [str(hour) for hour in range(24)]
    assert table.column("received_at").to_pylist()[1] == DAY + timedelta(hours=1)
    (quote,) = parquet.read_table(tmp_path / names[0]).to_pylist()
    assert (quote["bid"], quote["ask"], quote["mark"], quote["index"]) == (2681.6, 2681.7, None, 2682.0)


@pytest.mark.usefixtures("records")
def test_only_what_was_asked_for_is_in_it(tmp_path: Path) -> None:
    exported(tmp_path, "2026-03-01T22:00", "2026-03-02T03:00:00+00:00", "trades")
    tables = [parquet.read_table(path) for path in sorted(tmp_path.iterdir())]
    assert [table.column("trade_id").to_pylist() for table in tables] == [["22", "23"], ["24", "25", "26"]]


@pytest.mark.usefixtures("records")
def test_the_schema_says_units(tmp_path: Path) -> None:
    exported(tmp_path, "2026-03-01", "2026-03-02", "trades")
    schema = parquet.read_schema(tmp_path / "trades-20260301.parquet")
    assert schema.field("quantity").metadata[b"unit"] == b"contracts"
    assert schema.field("at").metadata[b"unit"] == b"UTC, the source's clock"
    assert schema.metadata[b"row"] == b"a public trade; the side is the taker's"


@pytest.mark.usefixtures("records")
def test_a_file_that_could_not_be_finished_is_not_there_and_the_one_before_stays(tmp_path: Path) -> None:
    exported(tmp_path, "2026-03-01", "2026-03-02", "trades")
    before = (tmp_path / "trades-20260301.parquet").read_bytes()
    from marketdata import parquet as ours

    def fails(_rows: int) -> None:
        raise OSError("no space left")

    part = ours.Part(kind="trades", since=DAY, until=DAY + timedelta(days=1), rows=24)
    from hedgeapp.database import conninfo

    with psycopg.connect(conninfo(), autocommit=True) as connection, pytest.raises(OSError, match="no space"):
        ours.write(connection, part, tmp_path, fails)
    assert [path.name for path in tmp_path.iterdir()] == ["trades-20260301.parquet"]
    assert (tmp_path / "trades-20260301.parquet").read_bytes() == before


@pytest.mark.usefixtures("records")
def test_nothing_recorded_is_said(tmp_path: Path) -> None:
    assert "nothing of trades was recorded" in exported(tmp_path, "2025-01-01", "2025-01-03", "trades")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("records")
def test_a_time_that_ends_before_it_begins_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="expected --from before --to"):
        exported(tmp_path, "2026-03-02", "2026-03-01")
