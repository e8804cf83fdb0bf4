"""A book that the engine wants collateral moved in, as soon as the price has gone far enough."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hedgeapp.core.events import Event
from hedgeapp.core.events.approvals import Destination, PolicyRule
from hedgeapp.core.events.moves import Quota
from tests.builders.books import AT, COINM, USDM, D, balance, collateral, limit, opening, reference
from tests.builders.moves import ALL_CAP, LINK, WALLET, gate, mirrored

ASK = PolicyRule(name="ask", outcome="ask", quotas=(Quota(group="approver", needed=1),))
ALLOW = PolicyRule(name="allow", outcome="allow", proposers=("engine",))
WAYS = tuple(
    way
    for account, route in ((USDM, LINK), (COINM, "77002"))
    for way in (
        Destination(name=account, custodian="ceffu", route=route, kinds=("delegate",)),
        Destination(name=WALLET, custodian="ceffu", route=route, kinds=("undelegate",)),
    )
)


def limits(account: str, *, floor: str = "1000000") -> list[Event]:
    """Return a headroom of 1 to 3 million USD, brought to 2, in moves of 50,000 and ten minutes apart."""
    return [
        limit("move_headroom_floor", account, floor),
        limit("move_headroom_target", account, "2000000"),
        limit("move_headroom_ceiling", account, "3000000"),
        limit("move_clip_min", account, "50000"),
        limit("move_cooldown", account, "600"),
    ]


def world(*rules: PolicyRule, cash: str = "2300000", delegated: str = "500000", **given: Any) -> list[Event]:
    """Return an account that is short 1,000 ETH from 3,000 USDT, with 5 million USDT in a wallet beside it."""
    caps = given.get("caps", (ALL_CAP,))
    stated = replace(collateral("USDT", "5500000"), locked=D(delegated))
    return [
        *(replace(one, at=AT - timedelta(days=9)) for one in reference()),
        *gate(*(rules or (ASK,)), caps=caps, destinations=WAYS),
        *limits(USDM),
        opening("-1000", "3000"),
        balance(USDM, "USDT", cash),
        stated,
        mirrored(delegated, asset="USDT"),
    ]
