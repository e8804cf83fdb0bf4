"""Delegations at a sandbox of a test's own, asked for as its custodian publishes it, and what our log has of them."""

import base64
import itertools
import json
import time
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.builders.accounts import WAIT_S

ROOT: Final = "/open-api/v1/mirrorX"
DELEGATION, UNDELEGATION = 10, 20
_numbers = itertools.count(10**17)


class Custodian:
    """The custodian of a sandbox, spoken to by somebody who has our key."""

    def __init__(self, url: str, keys: Mapping[str, str], act: Callable[..., object]) -> None:
        self._url, self._api_key = url, keys["api_key"]
        private = serialization.load_der_private_key(base64.b64decode(keys["secret"]), password=None)
        assert isinstance(private, rsa.RSAPrivateKey)
        self._private = private
        act("custody/latency", seconds="0")

    def link(self, account: str) -> str:
        """Return the id of the link to an account."""
        rows = self._asked("/mirrorXLinkId/list")["data"]
        return str(next(row["mirrorXLinkId"] for row in rows if row["label"] == account))

    def mirrored(self, account: str, coin: str) -> str:
        """Return what is mirrored of a coin, as the custodian tells it."""
        rows = self._asked("/positions/list", mirrorXLinkId=self.link(account))["data"]
        return str(next((row["mirrorXBalance"] for row in rows if row["coinSymbol"] == coin), "0"))

    def delegate(self, account: str, coin: str, amount: str, kind: int = DELEGATION) -> str:
        """Delegate or undelegate and wait until it is done; return the order's id."""
        before = self.mirrored(account, coin)
        wanted = {"mirrorXLinkId": self.link(account), "orderType": kind, "coinSymbol": coin, "amount": amount}
        order = self._asked("/order", **wanted, requestId=str(next(_numbers)), method="POST")
        self.until(lambda: self.mirrored(account, coin) != before)
        return str(order["orderViewId"])

    def _asked(self, path: str, method: str = "GET", **given: Any) -> Any:
        given["timestamp"] = int(time.time() * 1000)
        content = urlencode(given) if method == "GET" else json.dumps(given)
        signature = self._private.sign(content.encode(), padding.PKCS1v15(), hashes.SHA512())
        headers = {"open-apikey": self._api_key, "signature": base64.b64encode(signature).decode()}
        url, body = f"{self._url}{ROOT}{path}", None
        if method == "GET":
            url = f"{url}?{content}"
        else:
            body = content.encode()
        with urllib.request.urlopen(urllib.request.Request(url, body, headers, method=method), timeout=30) as answer:
            return json.load(answer)["data"]

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds there."""
        until = time.monotonic() + WAIT_S
        while not holds():
            assert time.monotonic() < until, "the custodian did not do it"
            time.sleep(0.05)
