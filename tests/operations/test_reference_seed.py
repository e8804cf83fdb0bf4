"""Seeding, and keys that only the environment can read."""

import json
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from marketdata import models
from marketdata.operations.changes import change
from marketdata.operations.credentials import (
    FieldKeysDoNotDecrypt,
    HolderIsUnknown,
    KeyIsEmpty,
    rotate_keys,
    set_credential,
)
from marketdata.queries.catalogue import limit_of, reference
from marketdata.queries.credentials import CredentialMissing, keys_of
from tests.operations.test_reference import AT

pytestmark = pytest.mark.django_db

SECRET = "correct-horse-battery-staple"
REFERENCE = """
environment = "SANDBOX"

[[assets]]
symbol = "stETH"
name = "Staked ether"
decimals = 18
underlying = "ETH"

[[assets]]
symbol = "ETH"
name = "Ether"
decimals = 18

[[assets]]
symbol = "USDT"
name = "Tether"
decimals = 6
assumed_usd = "1"

[[venues]]
name = "binance-usdm"
protocol = "binance-usdm"
rest_url = "http://127.0.0.1:8900"
ws_url = "ws://127.0.0.1:8900"

[[accounts]]
name = "binance-usdm:main"
venue = "binance-usdm"
label = "main"
instruments = ["ETH-USDT-PERP"]

[[custodians]]
name = "ceffu"
protocol = "ceffu"
url = "http://127.0.0.1:8900/ceffu"

[[chains]]
name = "ethereum"
url = "http://127.0.0.1:8900/chain"
chain_id = 31337
confirmations = 2
wallets = [{address = "0x00000000000000000000000000000000000000aa", label = "treasury"}]
tokens = [{asset = "stETH", address = "0x00000000000000000000000000000000000000bb", decimals = 18}]
wsteth = "0x00000000000000000000000000000000000000cc"
steth_pool = "0x00000000000000000000000000000000000000dd"
minting = "0x00000000000000000000000000000000000000ee"
synthetic = "0x00000000000000000000000000000000000000ff"

[[limits]]
name = "ETH net delta"
kind = "net_delta_band"
subject = "ETH"
value = "25"
unit = "ETH"
"""
CREDENTIALS = {
    "binance-usdm:main": {"api_key": "key-of-main", "secret": SECRET},
    "ceffu": {"api_key": "key-of-ceffu", "secret": SECRET},
}


class Files:
    """The two files of a seed, and the command that reads them."""

    def __init__(self, folder: Path) -> None:
        self.reference = folder / "reference.toml"
        self.credentials = folder / "credentials.json"
        self.reference.write_text(REFERENCE)
        self.credentials.write_text(json.dumps(CREDENTIALS))

    def seed(self, **options: Any) -> str:
        out = StringIO()
        call_command("seed", str(self.reference), str(self.credentials), stdout=out, **options)
        return out.getvalue()

    def rewrite(self, old: str, new: str) -> None:
        self.reference.write_text(self.reference.read_text().replace(old, new, 1))


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def events_count() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM eventlog_event")
        return int(cursor.fetchone()[0])


def with_keys(monkeypatch: pytest.MonkeyPatch, *keys: bytes) -> None:
    environment = settings.ENVIRONMENT.model_copy(update={"hedgeapp_field_keys": tuple(key.decode() for key in keys)})
    monkeypatch.setattr(settings, "ENVIRONMENT", environment)


def test_a_seed_adds_what_is_missing_and_says_so(files: Files) -> None:
    said = files.seed()
    assert "added asset ETH: version 1" in said
    assert "added limit ETH net delta: version 1" in said
    assert "set keys of ceffu" in said
    known = reference()
    assert set(known.assets) == {"ETH", "stETH", "USDT"}
    assert known.accounts["binance-usdm:main"].instruments == ("ETH-USDT-PERP",)
    assert known.chains["ethereum"].wallets[0].label == "treasury"
    assert keys_of("binance-usdm:main").secret == SECRET


def test_a_second_seed_changes_nothing(files: Files) -> None:
    files.seed()
    before = events_count()
    assert files.seed() == "nothing to do: all is as the files say\n"
    assert events_count() == before


def test_a_seed_changes_what_differs(files: Files) -> None:
    files.seed()
    files.rewrite("http://127.0.0.1:8900", "http://127.0.0.1:8901")
    assert files.seed() == "changed venue binance-usdm: version 2\n"
    assert reference().venues["binance-usdm"].rest_url == "http://127.0.0.1:8901"


def test_a_wallets_purpose_is_seeded_and_backing_where_none_is_said(files: Files) -> None:
    files.seed()
    assert reference().chains["ethereum"].wallets[0].purpose == "backing"
    files.rewrite('label = "treasury"', 'label = "treasury", purpose = "reserve"')
    assert files.seed() == "changed chain ethereum: version 2\n"
    assert reference().chains["ethereum"].wallets[0].purpose == "reserve"
    assert models.Wallet.objects.get().purpose == "reserve"


def test_a_seed_keeps_what_a_person_changed(files: Files) -> None:
    files.seed()
    row = models.Limit.objects.get()
    row.value = Decimal(30)
    change(limit_of(row), by="alice", reason="a wider band", at=AT)
    assert "kept limit ETH net delta: alice changed it to version 2" in files.seed()
    assert "changed limit ETH net delta: version 3" in files.seed(overwrite=True)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('label = "main"', 'lable = "main"', "accounts 1: .* expected, found lable too"),
        ("decimals = 6", 'decimals = "six"', "assets 3: Expected `int`"),
        ('label = "treasury"', 'name = "treasury"', "chains 1 wallets 1: .* found name too"),
        ('label = "treasury"', 'label = "treasury", purpose = "tea"', "chains 1: Invalid enum value 'tea'"),
        ("[[limits]]", "[[limitations]]", "found limitations too"),
        ('value = "25"', 'value = "a lot"', "limits 1: Invalid decimal string"),
        ('value = "25"', "", "limits 1: Object missing required field `value`"),
        ('environment = "SANDBOX"', 'environment = "LIVE"', "environment 'SANDBOX' expected .* found 'LIVE'"),
        ("[[assets]]", "[[assets", "reference.toml: .*line"),
    ],
)
def test_a_bad_file_is_refused_by_name_before_anything_is_written(files: Files, old: str, new: str, said: str) -> None:
    files.rewrite(old, new)
    with pytest.raises(CommandError, match=said):
        files.seed()
    assert not models.Asset.objects.exists()


def test_a_file_with_a_row_that_contradicts_the_others_leaves_nothing_behind(files: Files) -> None:
    files.rewrite('[[limits]]\nname = "ETH net delta"', '[[limits]]\nname = ""')
    with pytest.raises(CommandError):
        files.seed()
    assert not models.Asset.objects.exists()
    assert events_count() == 0


def test_a_bad_credentials_file_is_refused_without_its_content(files: Files) -> None:
    files.credentials.write_text(f'{{"ceffu": "{SECRET}"}}')
    with pytest.raises(CommandError, match="api_key and secret expected") as refusal:
        files.seed()
    assert SECRET not in str(refusal.value)


def test_a_missing_file_is_said_in_a_sentence(files: Files) -> None:
    files.reference.unlink()
    with pytest.raises(CommandError, match="a readable text file expected"):
        files.seed()


def test_keys_are_neither_in_the_log_nor_readable_in_the_table(files: Files) -> None:
    files.seed()
    with connection.cursor() as cursor:
        cursor.execute("SELECT body FROM eventlog_event")
        assert not any(SECRET.encode() in bytes(body) or b"key-of-main" in bytes(body) for (body,) in cursor)
    for row in models.Credential.objects.all():
        assert SECRET.encode() not in bytes(row.secret_ciphertext)
        assert b"key-of" not in bytes(row.api_key_ciphertext)
    assert "correct" not in repr(keys_of("ceffu"))


def test_keys_are_for_a_known_holder_only() -> None:
    with pytest.raises(HolderIsUnknown, match="'nobody'"):
        set_credential("nobody", api_key="a", secret="b", by="alice", at=AT)
    with pytest.raises(CredentialMissing, match="nobody"):
        keys_of("nobody")


def test_an_account_trades_with_keys_of_its_own(files: Files) -> None:
    files.seed()
    name = "binance-usdm:main"
    set_credential(name, api_key="a", secret="b", by="alice", at=AT, purpose="trade")
    assert (keys_of(name, "trade").secret, keys_of(name).secret) == ("b", SECRET)
    models.Credential.objects.filter(holder=name, purpose="trade").delete()
    with pytest.raises(CredentialMissing, match=f"keys of {name} to trade with expected"):
        keys_of(name, "trade")


def test_a_passphrase_is_kept_sealed_with_the_secret_and_goes_with_its_own_keys(files: Files) -> None:
    files.seed()
    name = "binance-usdm:main"
    assert keys_of(name).passphrase == ""
    set_credential(name, api_key="a", secret="b", passphrase="open sesame", by="alice", at=AT)
    assert (keys_of(name).secret, keys_of(name).passphrase) == ("b", "open sesame")
    assert "sesame" not in repr(keys_of(name))
    assert not set_credential(name, api_key="a", secret="b", passphrase="open sesame", by="alice", at=AT)
    assert set_credential(name, api_key="a", secret="b", passphrase="other", by="alice", at=AT)
    rotate_keys()
    assert keys_of(name).passphrase == "other"
    with pytest.raises(KeyIsEmpty, match="without NUL"):
        set_credential(name, api_key="a", secret="b\x00c", by="alice", at=AT)


def test_a_credentials_file_may_have_a_passphrase_beside_the_keys_that_it_is_of(files: Files) -> None:
    name = "binance-usdm:main"
    files.credentials.write_text(f'{{"{name}": {{"api_key": "a", "secret": "b", "passphrase": "c"}}}}')
    files.seed()
    assert (keys_of(name).passphrase, keys_of(name, "trade").passphrase) == ("c", "c")
    files.credentials.write_text(f'{{"{name}": {{"api_key": "a", "secret": "b", "trade_passphrase": "c"}}}}')
    with pytest.raises(CommandError, match="a passphrase or trade_passphrase with them"):
        files.seed()


def test_a_custodian_moves_with_keys_of_its_own_which_may_be_the_same_in_the_sandbox_alone(files: Files) -> None:
    files.seed()
    assert keys_of("ceffu", "trade").secret == SECRET


def test_rotating_keys_lets_the_old_key_go(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = Fernet.generate_key(), Fernet.generate_key()
    with_keys(monkeypatch, old)
    files.seed()
    with_keys(monkeypatch, new, old)
    out = StringIO()
    call_command("rotate_keys", stdout=out)
    assert "4 credentials" in out.getvalue()
    with_keys(monkeypatch, new)
    assert keys_of("ceffu").secret == SECRET


def test_a_wrong_key_is_said_with_its_remedy(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    files.seed()
    with_keys(monkeypatch, Fernet.generate_key())
    with pytest.raises(FieldKeysDoNotDecrypt, match="add the key that was used at the end of HEDGEAPP_FIELD_KEYS"):
        keys_of("ceffu")
    with pytest.raises(CommandError, match="keys of binance-usdm:main"):
        call_command("rotate_keys")
    with_keys(monkeypatch)
    with pytest.raises(CommandError, match="HEDGEAPP_FIELD_KEYS: one Fernet key or more expected"):
        call_command("rotate_keys")
    with_keys(monkeypatch, b"short")
    with pytest.raises(CommandError, match="key number 1"):
        call_command("rotate_keys")
