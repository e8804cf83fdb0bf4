"""The gate: what a change is held against, and whether two people truly signed what holds."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import User

from hedgeapp.access.people import groups, people
from hedgeapp.access.signing import keyring, signer_of
from hedgeapp.core.events.approvals import Assertion, GatePart
from hedgeapp.core.events.passkeys import CONSOLE
from hedgeapp.core.keyring import KeyIsNotBelieved, Keyring
from hedgeapp.core.passkeys import AssertionIsRefused
from portfolio.core.book import Book
from portfolio.core.gate_checks import Ground
from portfolio.core.gate_payloads import agreement_hash, proposal_hash
from portfolio.core.move_gates import Gate, GateVersion
from portfolio.operations.moves.people import SEED

PARTS: tuple[GatePart, ...] = ("policy", "caps", "destinations")


def ground(book: Book) -> Ground:
    """Return what a change of the gate is held against now."""
    return Ground(
        catalogue=book.catalogue,
        people=people(),
        groups=groups(),
        wallets=frozenset(wallet for holder, wallet, _ in book.collateral if holder in book.catalogue.custodians),
    )


def unproven(version: GateVersion, ring: Keyring, names: Mapping[int, str]) -> str:
    """Return why the signatures of a version do not prove it; nothing when both do.

    It asks the log's events and the keyring alone, so that a process which trusts no other may ask it; `names` are the
    names of people by their ids.
    """
    change = version.change
    for who, proof, signed, at in (
        (change.by, change.assertion, proposal_hash(change), change.at),
        (version.agreed_by, version.assertion, agreement_hash(change), version.agreed_at),
    ):
        if said := _unsigned(who, proof, signed, at, ring, names):
            return f"version {change.version} of the {change.part}: {said}"
    return ""


def unproven_now(gate: Gate, at: datetime) -> Iterator[str]:
    """Yield, of each part that holds at a time, why its signatures do not prove it; the sandbox's seed has none."""
    holding = [version for part in PARTS if (version := gate.in_force(part, at)) is not None and not is_seed(version)]
    if not holding:
        return
    ring, names = keyring(), names_of_people()
    for version in holding:
        if said := unproven(version, ring, names):
            yield said


def is_seed(version: GateVersion) -> bool:
    """Tell whether a version is the first one of the sandbox, where nobody can lose a coin."""
    is_first = (version.change.by, version.agreed_by, version.change.version) == (SEED, CONSOLE, 1)
    return is_first and settings.ENVIRONMENT.hedgeapp_env == "SANDBOX"


def names_of_people() -> dict[int, str]:
    """Return everybody's name by id."""
    return dict(User.objects.values_list("pk", "username"))


def _unsigned(
    who: str, proof: Assertion | None, signed: bytes, at: datetime, ring: Keyring, names: Mapping[int, str]
) -> str:
    if proof is None:
        return f"a signature of {who} expected, found none"
    try:
        signer = names.get(signer_of(proof, signed, at, ring=ring), "")
    except (KeyIsNotBelieved, AssertionIsRefused) as refusal:
        return f"a signature of {who} that holds expected, found that {refusal}"
    return "" if signer == who else f"a signature of {who} expected, found one of {signer or 'nobody'}"
