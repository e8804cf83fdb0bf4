"""The first gate is seeded once, in the sandbox, as what it is; nowhere else and never over what people agreed on."""

from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from hedgeapp.core.events.moves import MovePayload
from portfolio.core.catalogue import Catalogue
from portfolio.core.move_headrooms import terms_of
from portfolio.core.move_references import undirected
from portfolio.core.policies import is_sound
from portfolio.operations.moves.seeding import GateFileIsUnreadable, GateIsForTheSandbox, seed_gate
from portfolio.queries.books import current_book
from sandbox.app import describe
from sandbox.reference import LIMITS
from tests.builders.books import AT, D, limit
from tests.builders.desks import written
from tests.builders.moves import gate_change, payload

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def described(log_url: str, tmp_path: Path) -> Path:
    describe(8099, tmp_path, seed=1)
    return tmp_path / "gate.toml"


def move(route: str, **given: Any) -> MovePayload:
    return payload(route=route, **given)


def test_each_part_has_a_first_version_that_nobody_agreed_on(described: Path) -> None:
    assert seed_gate(described, at=AT) == ("policy", "caps", "destinations")
    gate = current_book().gate
    assert not list(current_book().faults)
    assert all(is_sound(rule) for rule in gate.rules(AT))
    assert [rule.outcome for rule in gate.rules(AT)] == ["allow", "ask", "ask"]
    assert [quota.needed for rule in gate.rules(AT) for quota in rule.quotas] == [1, 2]
    assert any(cap.scope == "all" and cap.usd_max for cap in gate.caps(AT))
    for version in gate.versions:
        assert (version.change.version, version.change.by, version.agreed_by) == (1, "seed", "console")
        assert "no two people agreed on it" in version.change.reason


def test_both_ways_over_each_link_are_agreed_on_and_no_other(described: Path) -> None:
    seed_gate(described, at=AT)
    found = current_book().gate.destinations(AT)
    links = {one.route for one in found}
    assert len(links) == 2
    for link in links:
        there, back = [one for one in found if one.route == link]
        assert (there.kinds, back.kinds) == (("delegate",), ("undelegate",))
        assert not list(undirected(move(link, destination=there.name, custodian=there.custodian), found))
        assert not list(undirected(move(link, kind="undelegate", destination=back.name), found))
        assert list(undirected(move(link, destination="binance-usdm:reserve"), found))


def test_it_is_done_once_in_the_life_of_a_log(described: Path) -> None:
    said = StringIO()
    call_command("seed_gate", str(described), stdout=said)
    call_command("seed_gate", str(described), stdout=said)
    assert said.getvalue().count("wrote version 1") == 3
    assert "nothing to do" in said.getvalue()
    assert len(list(current_book().gate.versions)) == 3


def test_a_part_that_somebody_is_about_to_change_is_left_alone(described: Path) -> None:
    written(gate_change("policy"))
    assert seed_gate(described, at=AT) == ("caps", "destinations")
    assert current_book().gate.rules(AT) == ()


def test_where_money_is_real_nothing_is_seeded(described: Path, settings: Any) -> None:
    settings.ENVIRONMENT = SimpleNamespace(hedgeapp_env="LIVE")
    with pytest.raises(GateIsForTheSandbox, match="'LIVE': let two people agree"):
        seed_gate(described, at=AT)
    assert not list(current_book().gate.versions)


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ('environment = "LIVE"', GateIsForTheSandbox),
        ("[[caps]]", GateIsForTheSandbox),
        ('environment = "SANDBOX"\n[[rules]]', GateFileIsUnreadable),
        ('environment = "SANDBOX"\n[[caps]]\nname = "all"\nmost = "1"', GateFileIsUnreadable),
        ('environment = "SANDBOX"\n[[caps]]\nname = "all"', GateFileIsUnreadable),
        ("environment = ", GateFileIsUnreadable),
    ],
)
def test_a_file_that_is_no_gate_changes_nothing(
    log_url: str, tmp_path: Path, text: str, refusal: type[Exception]
) -> None:
    file = tmp_path / "gate.toml"
    file.write_text(text)
    with pytest.raises(refusal):
        seed_gate(file, at=AT)
    with pytest.raises(CommandError):
        call_command("seed_gate", str(file))
    assert not list(current_book().gate.versions)


def test_the_sandboxs_limits_of_moves_are_sound() -> None:
    catalogue = Catalogue()
    for row in LIMITS:
        if str(row["kind"]).startswith("move_"):
            catalogue.limit(limit(row["kind"], row["subject"], row["value"]).limit)
    for account in ("binance-usdm:main", "binance-coinm:main"):
        terms = terms_of(account, catalogue)
        assert terms is not None
        assert terms.are_sound
        assert terms.clip_min_usd > D(0)
    assert terms_of("binance-usdm:reserve", catalogue) is None
