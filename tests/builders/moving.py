"""Moves that people really approved: a custodian, people with passkeys, rules that two of them agreed on."""

import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.contrib.auth.models import Group, User
from django.db import connection, transaction

from hedgeapp.access.models import Passkey
from hedgeapp.access.passkeys import revoke
from hedgeapp.access.roles import grant_roles
from hedgeapp.access.signing import sign
from hedgeapp.access.signing import written as kept_as
from hedgeapp.core.events import Event
from hedgeapp.core.events.approvals import Assertion, Cap, Destination, MoveDecided, PolicyRule
from hedgeapp.core.events.balances import BalanceStated
from hedgeapp.core.events.collateral import CollateralStated
from hedgeapp.core.events.moves import (
    DelegationStated,
    MoveApproved,
    MoveJudged,
    MovePayload,
    MoveProposed,
    Quota,
)
from hedgeapp.eventlog.append import append, lock
from portfolio.core.gate_payloads import agreement_hash, proposal_hash
from portfolio.core.move_payloads import payload_hash
from portfolio.core.move_request_ids import move_id
from portfolio.core.move_states import Move
from portfolio.operations.work import open_work
from portfolio.queries.books import FOLLOWING
from tests.builders.accounts import MAIN, World
from tests.builders.keyholders import keyholder, root
from tests.builders.moves import agreed, gate_change
from tests.builders.passkeys import Device

D = Decimal
CUSTODIAN: Final = "ceffu"
VENUE: Final = "binance-usdm"
APPROVERS: Final = "approver"
TWO: Final = PolicyRule(name="two", outcome="ask", quotas=(Quota(group=APPROVERS, needed=2),))
ALL: Final = Cap(name="all", scope="all", subject="", window_s=86_400, usd_max=D(1_000_000))
Person = tuple[User, Device]


def now() -> datetime:
    """Return the present time."""
    return datetime.now(UTC)


def written(events: Iterable[Event]) -> None:
    """Append events as the desk's own role does."""
    with transaction.atomic(durable=True):
        connection.ensure_connection()
        lock(connection.connection)
        append(connection.connection, events, at=now())


def move_now(name: str) -> Move:
    """Return a move by the log's head."""
    with FOLLOWING.held() as book:
        found = book.moves.get(name)
    assert found is not None, f"{name} is not in the log"
    return found


class MovesWorld:
    """People, their rules, and a sandbox whose custodian carries moves out."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.people: dict[str, Person] = {}
        self._orders: dict[str, dict[str, Any]] = {}
        state = self.state()
        self.link = next(str(one["link"]) for one in state["links"] if one["account"] == MAIN)
        self.wallet = str(json.loads((world.folder / "ceffu.genesis.json").read_text())["wallet_id"])

    def begin(self, **how: Any) -> None:
        """Let two approvers have passkeys, rules be agreed on, and both sides have stated what they hold."""
        grant_roles()
        group = Group.objects.get(name=APPROVERS)
        for name in ("bob", "cay"):
            self.people[name] = root(name)
            self.people[name][0].groups.add(group)
        for name in ("dan", "eve"):
            self.people[name] = keyholder(name, by=self.people["bob"])
        User.objects.create_user("ann")
        self.agree("policy", rules=(TWO,), **how)
        self.agree("caps", caps=(ALL,), **how)
        ways = (
            Destination(name=MAIN, custodian=CUSTODIAN, route=self.link, kinds=("delegate",)),
            Destination(name=self.wallet, custodian=CUSTODIAN, route=self.link, kinds=("undelegate",)),
        )
        self.agree("destinations", destinations=ways, **how)
        self.state_both()

    def agree(
        self,
        part: Any,
        version: int = 1,
        holds_in: timedelta = timedelta(0),
        *,
        by: tuple[str, str] = ("dan", "eve"),
        is_signed: bool = True,
        **filled: Any,
    ) -> None:
        """Let two people agree on a part of the gate, each with his passkey; or write that they did."""
        change = replace(gate_change(part, version, by[0], now(), **filled), change_id=secrets.token_hex(6))
        first = self._signed(by[0], proposal_hash(change)) if is_signed else None
        change = replace(change, assertion=first)
        second = self._signed(by[1], agreement_hash(change)) if is_signed else None
        written([change, replace(agreed(change, by[1], now(), assertion=second), holds_from=now() + holds_in)])

    def _signed(self, name: str, hash_: bytes) -> Assertion:
        """Return what a person's device signs, as the log keeps it."""
        user, device = self.people[name]
        with transaction.atomic(durable=True):
            return kept_as(sign(user, hash_, device.assertion(hash_), at=now()))

    def state_both(self) -> None:
        """Let the custodian and the venue state what they hold, as their feeds do."""
        at, state = now(), self.state()
        asset = state["wallet"]["USDT"]
        mirrored = next(one for one in state["links"] if one["link"] == self.link)["mirrored"].get("USDT", "0")
        reference = str(int(at.timestamp() * 1_000))
        written(
            [
                CollateralStated(
                    at=at,
                    holder=CUSTODIAN,
                    wallet=self.wallet,
                    asset="USDT",
                    total=D(asset["amount"]),
                    locked=D(asset["amount"]) - D(asset["available"]),
                    reference=reference,
                ),
                DelegationStated(at=at, custodian=CUSTODIAN, account=MAIN, asset="USDT", total=D(mirrored)),
                BalanceStated(at=at, account=MAIN, asset="USDT", total=self.at_venue()),
            ]
        )

    def payload(
        self, amount: str = "1000", kind: Any = "delegate", life: timedelta = timedelta(hours=1)
    ) -> MovePayload:
        """Return a payload that nobody has seen before."""
        source, destination = (self.wallet, MAIN) if kind == "delegate" else (MAIN, self.wallet)
        return MovePayload(
            move_id=move_id(secrets.token_hex(8)),
            kind=kind,
            custodian=CUSTODIAN,
            asset="USDT",
            amount=D(amount),
            source=source,
            destination=destination,
            venue=VENUE,
            route=self.link,
            expires_at=now() + life,
        )

    def propose(self, of: MovePayload, *, by: str = "ann", needed: int = 2) -> str:
        """Write a proposal and the policy's word on it."""
        judged = MoveJudged(
            at=now(),
            move_id=of.move_id,
            policy_version=1,
            rule=TWO.name,
            outcome="ask",
            quotas=(Quota(group=APPROVERS, needed=needed),),
            amount_usd=of.amount,
            trust="unverified",
            totp_usd_max=D(0),
            said="rule two matches",
        )
        written([MoveProposed(at=now(), payload=of, by=by, reason="headroom is low", rests_on=()), judged])
        return of.move_id

    def decision(self, name: str, of: MovePayload, *, signs: MovePayload | None = None) -> MoveDecided:
        """Let a person approve with his passkey; `signs` is what the device is really shown."""
        user, device = self.people[name]
        challenge = payload_hash(signs or of)
        with transaction.atomic(durable=True):
            kept = sign(user, challenge, device.assertion(challenge), at=now())
        answer = json.loads(kept.body)
        return MoveDecided(
            at=now(),
            move_id=of.move_id,
            payload_hash=payload_hash(of).hex(),
            verdict="approve",
            by=name,
            groups=(APPROVERS,),
            reason="",
            assertion=Assertion(
                kind="passkey",
                key_id=answer["id"],
                client_data=answer["response"]["clientDataJSON"],
                authenticator_data=answer["response"]["authenticatorData"],
                signature=answer["response"]["signature"],
            ),
            policy_version=1,
        )

    def approve(self, of: MovePayload, decisions: Sequence[MoveDecided], *, opens: bool = True) -> str:
        """Write decisions and what they come to, and open the work of it."""
        by = tuple(one.by for one in decisions)
        approved = MoveApproved(at=now(), move_id=of.move_id, payload_hash=payload_hash(of).hex(), approved_by=by)
        with transaction.atomic(durable=True):
            connection.ensure_connection()
            lock(connection.connection)
            append(connection.connection, [*decisions, approved], at=now())
            if opens:
                open_work("move", of.move_id, "moves", at=now())
        return of.move_id

    def approved(self, amount: str = "1000", kind: Any = "delegate", **given: Any) -> str:
        """Let two people approve a move, from the proposal to its work; return its id."""
        of = self.payload(amount, kind, **given)
        self.propose(of)
        return self.approve(of, [self.decision(name, of) for name in ("bob", "cay")])

    def revoke(self, name: str) -> None:
        """Revoke a person's passkey."""
        revoke(Passkey.objects.get(user__username=name).pk, by="ann", reason="lost", at=now())

    # What the custodian's own ledger says.

    def state(self) -> dict[str, Any]:
        """Return what the custodian's page shows."""
        found: dict[str, Any] = self.world.read("/control/state")["custodian"]
        self._orders |= {one["id"]: one for one in found["orders"]}  # the page shows only the latest
        return found

    def at_venue(self) -> Decimal:
        """Return the account's balance at the venue."""
        return D(self.world.read(f"/control/accounts/{MAIN}")["balances"]["USDT"]["wallet"])

    def orders_of(self, request_id: str) -> list[dict[str, Any]]:
        """Return the custodian's orders under a request id."""
        self.state()
        return [one for one in self._orders.values() if one["request_id"] == request_id]
