"""What there is to listen to follows the reference data; what serves pages loads no exchange library."""

import subprocess
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from hedgeapp.core.reference import Account, Custodian
from marketdata.feeds import services
from tests.builders.accounts import World, seeded
from tests.operations.test_reference import VENUE, made

ROOT = Path(__file__).resolve().parent.parent.parent
ACCOUNT = Account(name="binance-usdm:main", venue="binance-usdm", label="main", instruments=("ETH-USDT-PERP",))


def names() -> set[str]:
    return {service.name for service in services()}


@pytest.mark.django_db
def test_a_disabled_source_has_no_service_and_a_disabled_venue_none_for_its_accounts() -> None:
    made(VENUE)
    made(ACCOUNT)
    made(Custodian(name="ceffu", protocol="ceffu", url="http://127.0.0.1:1"))
    assert names() == {"feed:binance-usdm", "account:binance-usdm:main", "custodian:ceffu"}
    made(replace(ACCOUNT, is_enabled=False))
    assert names() == {"feed:binance-usdm", "custodian:ceffu"}
    made(replace(ACCOUNT, is_enabled=True))
    made(replace(VENUE, is_enabled=False))
    assert names() == {"custodian:ceffu"}


def test_the_web_process_never_loads_ccxt() -> None:
    code = "import hedgeapp.asgi, hedgeapp.urls, marketdata.admin, sys; sys.exit('ccxt' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)


def test_instruments_are_loaded_from_the_venue_and_only_when_they_changed(tmp_path: Path, log_url: str) -> None:
    world = World(tmp_path / "world")
    seeded(world)
    with pytest.raises(CommandError, match="an answer of the venue expected"):
        call_command("load_instruments", "binance-usdm")
    world.start()
    try:
        first, again = StringIO(), StringIO()
        call_command("load_instruments", "binance-coinm", stdout=first)
        call_command("load_instruments", "binance-coinm", stdout=again)
    finally:
        world.kill()
    assert "changed instrument binance-coinm:ETH-USD-PERP: version 1" in first.getvalue()
    assert again.getvalue() == "nothing to do: all is as the venue says\n"
