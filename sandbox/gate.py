"""The gate that the sandbox's moves pass before anybody has agreed on one: gate.toml."""

from typing import Any, Final

from sandbox.ceffu import NAME, Ceffu
from sandbox.ceffu.links import links_of
from sandbox.opening import MIRRORED

GATE_FILE: Final = "gate.toml"
DAY_S: Final = 86_400
MIRROR_KINDS: Final = ["delegate", "undelegate"]

# The first that matches decides; what is larger than all of them is refused, for none matches.
POLICY: Final[tuple[dict[str, Any], ...]] = (
    {
        "name": "trickle",
        "outcome": "allow",
        "kinds": MIRROR_KINDS,
        "amount_usd_max": "10000",
        "velocity_usd_max": "50000",
        "velocity_window_s": DAY_S,
    },
    {
        "name": "small",
        "outcome": "ask",
        "quotas": [{"group": "approver", "needed": 1}],
        "kinds": MIRROR_KINDS,
        "amount_usd_max": "100000",
        "velocity_usd_max": "500000",
        "velocity_window_s": DAY_S,
        "totp_usd_max": "25000",
    },
    {
        "name": "large",
        "outcome": "ask",
        "quotas": [{"group": "approver", "needed": 2}],
        "kinds": MIRROR_KINDS,
        "amount_usd_max": "5000000",
    },
)
CAPS: Final[tuple[dict[str, Any], ...]] = (
    {"name": "all", "scope": "all", "subject": "", "window_s": DAY_S, "usd_max": "20000000"},
    {"name": "BTC", "scope": "asset", "subject": "BTC", "window_s": DAY_S, "amount_max": "100"},
    {"name": "USDT", "scope": "asset", "subject": "USDT", "window_s": DAY_S, "amount_max": "5000000"},
)


def gate(custodian: Ceffu) -> dict[str, Any]:
    """Describe the policy, the caps, and the ways between the custodian's wallet and the accounts linked to it."""
    wallet = str(custodian.wallet.wallet_id)
    ways: list[dict[str, Any]] = []
    for link in links_of(MIRRORED, custodian.seed, custodian.genesis_ms):
        way = {"custodian": NAME, "route": link.link_id}
        ways.append({"name": link.account, **way, "kinds": ["delegate"]})
        ways.append({"name": wallet, **way, "kinds": ["undelegate"]})
    return {
        "environment": "SANDBOX",
        "policy": list(POLICY),
        "caps": list(CAPS),
        "destinations": ways,
    }
