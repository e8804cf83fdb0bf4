"""The gateway to the custodian, against a served one: what it answers, refuses, repeats, and never answers."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from hedgeapp.core.events.moves import MoveNeverArrived, MoveOutcomeUnknown, MoveRejected, MoveReported
from marketdata.feeds.ceffu.wire import SecretIsMalformed
from marketdata.queries.credentials import Keys
from portfolio.gateways import ceffu as door
from portfolio.gateways.ceffu import LISTED_AFTER, VALID_FOR, CeffuGateway
from sandbox.faults import BAD_GATEWAY, TIMEOUT_AFTER, TIMEOUT_BEFORE, Fault
from tests.builders.collateral import served as serving
from tests.builders.custody import Served, served
from tests.builders.published import SPECIFICATION, faults_of

SHORT_S = 0.2


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path) as found:
        yield found


@pytest.fixture
async def gateway(world: Served) -> AsyncIterator[CeffuGateway]:
    found = world.gateway()
    yield found
    await found.close()


def orders(world: Served) -> list[str]:
    return [order.id for order in world.custody.orders()]


def arm(world: Served, kind: str, **given: Any) -> None:
    world.faults.arm(Fault(id=0, kind=kind, venue="ceffu", requests="order", **given), world.custody.clock.ms)


async def test_a_delegation_is_taken_and_followed_to_its_end(world: Served, gateway: CeffuGateway) -> None:
    payload = world.payload()
    taken = await gateway.submit(payload, world.request_id(payload), world.now)
    assert isinstance(taken, MoveReported)
    assert (taken.move_id, taken.custodian, taken.state) == (payload.move_id, "ceffu", "pending")
    assert orders(world) == [taken.custodian_order_id]
    world.custody.wait()
    told = await gateway.report(payload, world.request_id(payload), taken.custodian_order_id)
    assert isinstance(told, MoveReported)
    assert (told.custodian_order_id, told.state) == (taken.custodian_order_id, "success")
    assert world.custody.mirrored() == Decimal(100)


async def test_what_was_delegated_is_taken_back(world: Served, gateway: CeffuGateway) -> None:
    world.custody.delegate("100")
    world.custody.wait()
    payload = world.payload(kind="undelegate", amount=Decimal("40.5"))
    taken = await gateway.submit(payload, world.request_id(payload), world.now)
    assert isinstance(taken, MoveReported)
    world.custody.wait()
    assert world.custody.mirrored() == Decimal("59.5")


async def test_a_transfer_is_found_by_our_own_id(world: Served, gateway: CeffuGateway) -> None:
    payload = world.payload(kind="transfer", destination=world.sub_wallet())
    taken = await gateway.submit(payload, world.request_id(payload), world.now)
    assert isinstance(taken, MoveReported)
    world.custody.wait()
    told = await gateway.report(payload, world.request_id(payload), "")
    assert isinstance(told, MoveReported)
    assert (told.custodian_order_id, told.state) == (taken.custodian_order_id, "success")


async def test_an_order_that_failed_later_is_reported_as_failed(world: Served, gateway: CeffuGateway) -> None:
    payload = world.payload()
    world.custody.mirror.fail_next.append("by a drill")
    taken = await gateway.submit(payload, world.request_id(payload), world.now)
    assert isinstance(taken, MoveReported)
    world.custody.wait()
    told = await gateway.report(payload, world.request_id(payload), taken.custodian_order_id)
    assert isinstance(told, MoveReported)
    assert told.state == "failed"


@pytest.mark.parametrize("amount", ["1000001", "0.000000001"])
async def test_words_that_leave_no_doubt_reject(world: Served, gateway: CeffuGateway, amount: str) -> None:
    payload = world.payload(amount=Decimal(amount))
    answer = await gateway.submit(payload, world.request_id(payload), world.now)
    assert isinstance(answer, MoveRejected)
    assert answer.code in ("G20002", "G20005")
    assert orders(world) == []


async def test_a_frozen_custodian_rejects(world: Served, gateway: CeffuGateway) -> None:
    world.custody.custodian.freeze(frozen=True)
    payload = world.payload()
    answer = await gateway.submit(payload, world.request_id(payload), world.now)
    assert isinstance(answer, MoveRejected)
    assert "maintenance" in answer.said


async def test_a_request_that_comes_late_dies_at_the_custodian(world: Served) -> None:
    payload, at = world.payload(), world.now
    stopped = world.gateway(clock=lambda: at.timestamp())  # a process that stood still and does not know it
    world.custody.clock.ms += round(VALID_FOR.total_seconds() * 1000) + 1
    answer = await stopped.submit(payload, world.request_id(payload), at)
    await stopped.close()
    assert isinstance(answer, MoveRejected)
    assert answer.code == "G20007"
    assert orders(world) == []


async def test_what_is_known_to_be_late_is_not_sent_at_all(world: Served, gateway: CeffuGateway) -> None:
    payload = world.payload()
    at = world.now - VALID_FOR - timedelta(seconds=1)
    answer = await gateway.submit(payload, world.request_id(payload), at)
    assert isinstance(answer, MoveRejected)
    assert (answer.code, world.sent) == (door.NOT_SENT, [])


@pytest.mark.parametrize(
    "given",
    [
        {"custodian": "another"},
        {"asset": "DOGE"},
        {"amount": Decimal("0.0000000000000000001")},
        {"amount": Decimal("NaN")},
        {"route": "not a link"},
        {"kind": "transfer", "destination": "9", "route": "8"},
        {"kind": "transfer", "destination": "cold"},
    ],
)
async def test_what_this_door_cannot_send_opens_no_socket(
    world: Served, gateway: CeffuGateway, given: dict[str, Any]
) -> None:
    payload = world.payload(**given)
    answer = await gateway.submit(payload, world.request_id(payload), world.now)
    assert isinstance(answer, MoveRejected)
    assert (answer.code, world.sent) == (door.NOT_SENT, [])


@pytest.mark.parametrize("kind", [TIMEOUT_AFTER, BAD_GATEWAY])
async def test_without_an_answer_the_outcome_is_unknown_and_asking_again_finds_the_one_order(
    world: Served, gateway: CeffuGateway, kind: str
) -> None:
    arm(world, kind, status=502, executed=True)
    payload = world.payload()
    answer = await gateway.submit(payload, world.request_id(payload), world.now)
    assert isinstance(answer, MoveOutcomeUnknown)
    assert len(world.sent) == 1
    (order,) = orders(world)
    again = await gateway.submit_again(payload, world.request_id(payload), world.now)
    assert isinstance(again, MoveReported)
    assert (again.custodian_order_id, orders(world)) == (order, [order])


async def test_what_never_reached_the_custodian_is_taken_when_it_is_sent_again(
    world: Served, gateway: CeffuGateway
) -> None:
    arm(world, TIMEOUT_BEFORE)
    payload = world.payload()
    answer = await gateway.submit(payload, world.request_id(payload), world.now)
    assert isinstance(answer, MoveOutcomeUnknown)
    assert orders(world) == []
    again = await gateway.submit_again(payload, world.request_id(payload), world.now)
    assert isinstance(again, MoveReported)
    assert len(orders(world)) == 1


async def test_a_custodian_that_hangs_is_given_up(
    world: Served, gateway: CeffuGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "SUBMIT_S_MAX", SHORT_S)
    arm(world, TIMEOUT_AFTER, hold_ms=2_000)
    payload = world.payload()
    answer = await gateway.submit(payload, world.request_id(payload), world.now)
    assert isinstance(answer, MoveOutcomeUnknown)
    assert "within" in answer.because


async def test_a_refusal_of_what_is_sent_again_says_nothing_of_the_first_time(
    world: Served, gateway: CeffuGateway
) -> None:
    arm(world, TIMEOUT_AFTER)
    payload = world.payload()
    await gateway.submit(payload, world.request_id(payload), world.now)
    arm(world, "reject", refusal="G20012", status=429, message="Too many requests")
    again = await gateway.submit_again(payload, world.request_id(payload), world.now)
    assert isinstance(again, MoveOutcomeUnknown)
    assert "G20012" in again.because
    assert len(orders(world)) == 1


@pytest.mark.parametrize(("code", "status"), [("G20001", 500), ("G20015", 200), ("G29999", 400)])
async def test_codes_that_leave_a_doubt_leave_the_outcome_unknown(
    world: Served, gateway: CeffuGateway, code: str, status: int
) -> None:
    arm(world, "reject", refusal=code, status=status, message="nobody knows")
    payload = world.payload()
    answer = await gateway.submit(payload, world.request_id(payload), world.now)
    assert isinstance(answer, MoveOutcomeUnknown)
    assert code in answer.because


async def test_a_duplicated_transfer_is_looked_up_at_once(tmp_path: Path) -> None:
    async with served(tmp_path, repeats_are_refused=True) as world:
        gateway, payload = world.gateway(), world.payload(kind="transfer", destination=world.sub_wallet())
        first = await gateway.submit(payload, world.request_id(payload), world.now)
        again = await gateway.submit_again(payload, world.request_id(payload), world.now)
        await gateway.close()
    assert isinstance(first, MoveReported)
    assert isinstance(again, MoveReported)
    assert again.custodian_order_id == first.custodian_order_id


async def test_another_transfer_under_our_id_is_no_word_on_ours(world: Served, gateway: CeffuGateway) -> None:
    payload = world.payload(kind="transfer", destination=world.sub_wallet())
    await gateway.submit(payload, world.request_id(payload), world.now)
    other = world.payload(kind="transfer", destination=payload.destination, amount=Decimal(7))
    assert await gateway.report(other, world.request_id(payload), "") is None


@pytest.mark.parametrize("kind", ["delegate", "transfer"])
async def test_only_long_after_its_time_has_a_move_never_arrived(
    world: Served, gateway: CeffuGateway, kind: str
) -> None:
    payload = world.payload(kind=kind, **({"destination": world.sub_wallet()} if kind == "transfer" else {}))
    valid_until = world.now + VALID_FOR
    asked = (payload, world.request_id(payload), "", valid_until)
    assert await gateway.report(*asked) is None
    world.custody.wait(round((VALID_FOR + LISTED_AFTER).total_seconds() * 1000))
    assert isinstance(await gateway.report(*asked), MoveNeverArrived)
    assert await gateway.report(*asked[:3]) is None  # without that time it could still be sent until it expires


async def test_an_order_of_the_same_amount_might_be_ours(world: Served, gateway: CeffuGateway) -> None:
    payload = world.payload()
    valid_until = world.now + VALID_FOR
    world.custody.delegate("100")
    world.custody.wait(round((VALID_FOR + LISTED_AFTER).total_seconds() * 1000))
    assert await gateway.report(payload, world.request_id(payload), "", valid_until) is None


async def test_lists_that_reach_back_too_little_prove_nothing(world: Served, gateway: CeffuGateway) -> None:
    payload = world.payload()
    world.custody.wait(31 * 86_400_000)
    assert await gateway.report(payload, world.request_id(payload), "") is None


async def test_silence_is_no_word(world: Served) -> None:
    gateway, payload = world.gateway(url="http://127.0.0.1:9"), world.payload()
    assert isinstance(await gateway.submit(payload, "1" * 18, world.now), MoveOutcomeUnknown)
    assert await gateway.report(payload, "1" * 18, "") is None
    await gateway.close()


@pytest.mark.parametrize(
    "data",
    [
        {"orderViewId": "1", "status": 10, "requestId": "another"},
        {"orderViewId": "1", "status": 77},
        {"orderViewId": "", "status": 10},
        {"status": 10},
        None,
    ],
)
async def test_an_answer_that_may_mean_anything_is_no_word(world: Served, data: object) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response({"code": "000000", "message": "Success", "data": data})

    async with serving([web.post("/{tail:.*}", handler)]) as url:
        gateway, payload = world.gateway(url=url), world.payload()
        answer = await gateway.submit(payload, world.request_id(payload), world.now)
        await gateway.close()
    assert isinstance(answer, MoveOutcomeUnknown)


async def test_two_workers_that_send_one_move_make_one_order(world: Served, gateway: CeffuGateway) -> None:
    payload, other = world.payload(), world.gateway()
    answers = await asyncio.gather(
        *(one.submit(payload, world.request_id(payload), world.now) for one in (gateway, other) for _ in range(5))
    )
    await other.close()
    assert len(orders(world)) == 1
    assert {one.custodian_order_id for one in answers if isinstance(one, MoveReported)} == set(orders(world))


def test_a_key_that_is_none_is_refused_before_anything(world: Served) -> None:
    with pytest.raises(SecretIsMalformed):
        world.gateway(keys=Keys(api_key="k", secret="no key"))


@pytest.mark.skipif(not SPECIFICATION.exists(), reason="the published collection is not beside this checkout")
async def test_every_request_has_the_published_shape(world: Served, gateway: CeffuGateway) -> None:
    sub = world.sub_wallet()
    for payload in (
        world.payload("1"),
        world.payload("2", kind="undelegate"),
        world.payload("3", kind="transfer", destination=sub),
    ):
        answer = await gateway.submit(payload, world.request_id(payload), world.now)
        order_id = answer.custodian_order_id if isinstance(answer, MoveReported) else ""
        await gateway.report(payload, world.request_id(payload), order_id)
        await gateway.report(payload, "9" * 18, "")
    assert {path for _, path, _, _ in world.sent} == {
        "/open-api/v1/mirrorX/order",
        "/open-api/v1/mirrorX/order/list",
        "/open-api/v1/subwallet/transfer",
        "/open-api/v1/subwallet/transfer/detail",
        "/open-api/v1/subwallet/transfer/history",
    }
    assert [fault for sent in world.sent for fault in faults_of(sent)] == []


async def test_an_amount_is_sent_to_the_digit(world: Served, gateway: CeffuGateway) -> None:
    payload = world.payload(amount=Decimal("100.10000000"))
    await gateway.submit(payload, world.request_id(payload), world.now)
    body = json.loads(world.sent[0][3])
    assert (body["amount"], body["requestId"]) == ("100.1", world.request_id(payload))
    assert body["timestamp"] == world.custody.clock.ms
    assert replace(payload, amount=Decimal(body["amount"])) == payload
