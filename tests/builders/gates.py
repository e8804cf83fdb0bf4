"""People who change the gate: each with a role and a passkey, by the operations that make them in earnest."""

from typing import Any

from django.contrib.auth.models import Group, User
from django.test import Client

from hedgeapp.access.roles import grant_roles
from hedgeapp.core.events.approvals import GateChangeAgreed, GateChangeProposed, PolicyRule
from hedgeapp.core.events.moves import Quota
from portfolio.core.gate_payloads import agreement_hash, proposal_hash
from portfolio.operations.gate import agree_gate, propose_gate
from tests.builders.keyholders import keyholder, now, root
from tests.builders.moves import gate_change
from tests.builders.passkeys import Device

Holder = tuple[User, Device]
ONE = PolicyRule(name="one", outcome="ask", quotas=(Quota(group="approver", needed=1),))


def holder(name: str, role: str, by: Holder | None = None) -> Holder:
    """Return somebody with a role and a passkey in force: confirmed at the console, or by another person."""
    grant_roles()
    user, device = keyholder(name, by=by) if by else root(name)
    user.groups.set(Group.objects.filter(name=role))
    return user, device


def client_of(user: User) -> Client:
    """Return a client that is logged in."""
    client = Client()
    client.force_login(user)
    return client


def wanted(part: Any, by: Holder, version: int = 1, **filled: Any) -> GateChangeProposed:
    """Return what somebody wants of a part of the gate."""
    return gate_change(part, version, by=by[0].get_username(), at=now(), **filled)


def proposed(change: GateChangeProposed, by: Holder) -> GateChangeProposed:
    """Let somebody sign and propose a change."""
    return propose_gate(change, by=by[0], assertion=by[1].assertion(proposal_hash(change)), at=now())


def agreed(change: GateChangeProposed, by: Holder) -> GateChangeAgreed:
    """Let somebody sign and agree to a change."""
    return agree_gate(change.change_id, by=by[0], assertion=by[1].assertion(agreement_hash(change)), at=now())
