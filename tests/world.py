"""The outside world as a test sees it: the sandbox's control, and the venues through unmodified ccxt."""

import json
import urllib.request
from decimal import Decimal
from typing import Any

import ccxt

from tests.stack import Stack

TIMEOUT_S = 30.0
TRADES_PAGE = 1000


class World:
    """The sandbox of a running stack."""

    def __init__(self, stack: Stack) -> None:
        self.url = stack.sandbox_url
        self.keys: dict[str, dict[str, str]] = json.loads((stack.var / "sandbox" / "credentials.json").read_text())

    def act(self, action: str, **given: Any) -> dict[str, Any]:
        """Do something to the world by its control API."""
        request = urllib.request.Request(
            f"{self.url}/control/{action}",
            data=json.dumps(given).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return dict(json.load(answer))

    def told(self, path: str) -> dict[str, Any]:
        """Return what the control API says below a path, as `state` or `accounts/{account}/client-ids`."""
        with urllib.request.urlopen(f"{self.url}/control/{path}", timeout=TIMEOUT_S) as answer:
            return dict(json.load(answer))

    def client(self, account: str) -> Any:
        """Return an unmodified ccxt client of one exchange account; only its URLs are overridden."""
        venue = account.split(":")[0]
        key = self.keys[account]
        given = {"apiKey": key["api_key"], "secret": key["secret"], "enableRateLimit": False, "timeout": 30_000}
        if venue == "binance-usdm":
            client = ccxt.binanceusdm(given)
            roots = {f"fapi{half}{version}": "fapi" for half in ("Public", "Private") for version in ("", "V2", "V3")}
        else:
            client = ccxt.binancecoinm(given)
            roots = {f"dapi{half}{version}": "dapi" for half in ("Public", "Private") for version in ("", "V2")}
        for name, root in roots.items():
            version = {"": "v1", "V2": "v2", "V3": "v3"}[
                name.removeprefix(root).replace("Public", "").replace("Private", "")
            ]
            client.urls["api"][name] = f"{self.url}/{root}/{version}"
        client.urls["api"]["sapi"] = f"{self.url}/sapi/v1"
        client.number = str
        return client

    def trade_ids(self, account: str) -> set[tuple[str, str]]:
        """Return all trades of an account as (venue's symbol, trade id)."""
        client, found = self.client(account), set()
        client.load_markets()
        for symbol in self._symbols(client, account):
            since = None
            while True:
                parameters = {"fromId": since} if since is not None else {"fromId": 0}
                page = client.fetch_my_trades(symbol, None, TRADES_PAGE, parameters)
                found |= {(trade["info"]["symbol"], str(trade["info"]["id"])) for trade in page}
                if len(page) < TRADES_PAGE:
                    break
                since = max(int(trade["info"]["id"]) for trade in page) + 1
        return found

    def positions(self, account: str) -> dict[str, Decimal]:
        """Return the signed contracts of an account by the venue's symbol, flat ones left out."""
        rows = self.client(account).fetch_positions(None, {"type": "swap"})
        amounts = {row["info"]["symbol"]: Decimal(row["info"]["positionAmt"]) for row in rows}
        return {symbol: amount for symbol, amount in amounts.items() if amount}

    def balances(self, account: str) -> dict[str, Decimal]:
        """Return the wallet balances of an account by asset, empty ones left out."""
        info = self.client(account).fetch_balance({"type": "delivery" if "coinm" in account else "future"})["info"]
        wallets = {row["asset"]: Decimal(row["walletBalance"]) for row in info["assets"]}
        return {asset: total for asset, total in wallets.items() if total}

    def _symbols(self, client: Any, account: str) -> list[str]:
        return [market["symbol"] for market in client.markets.values() if market["contract"] and market["active"]]
