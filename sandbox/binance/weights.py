"""How much of its request weight a client has used in the running minute."""

from sandbox.binance import errors

WEIGHT_PER_MINUTE = 2400
MINUTE_S = 60
CLIENTS_MAX = 1024
LIMIT_DIGITS_MAX = 4

DEPTH_WEIGHTS = ((50, 2), (100, 5), (500, 10), (1000, 20))
PATH_WEIGHTS = {
    "aggTrades": 20,
    "historicalTrades": 20,
    "klines": 5,
    "trades": 5,
    "ticker/24hr": 1,
    "account": 5,
    "balance": 5,
    "positionRisk": 5,
    "positionSide/dual": 30,
    "multiAssetsMargin": 30,
    "accountConfig": 5,
    "symbolConfig": 5,
    "userTrades": 5,
    "allOrders": 5,
    "income": 30,
    "forceOrders": 20,
    "commissionRate": 20,
    "adlQuantile": 5,
}
WITHOUT_SYMBOL = {
    "assetIndex": 10,
    "ticker/24hr": 40,
    "openOrders": 40,
    "forceOrders": 50,
    "premiumIndex": 10,
    "ticker/bookTicker": 5,
}


def weight_of(path: str, parameters: dict[str, str]) -> int:
    """Give the weight of a request by its path below the version, as published (klines and trades: the middle)."""
    if path == "depth":
        limit = parameters.get("limit", "500")
        count = int(limit) if limit.isdecimal() and len(limit) <= LIMIT_DIGITS_MAX else 500
        return next((weight for most, weight in DEPTH_WEIGHTS if count <= most), DEPTH_WEIGHTS[-1][1])
    if not parameters.get("symbol") and path in WITHOUT_SYMBOL:
        return WITHOUT_SYMBOL[path]
    return PATH_WEIGHTS.get(path, 1)


class Weights:
    """The used weight of every client address in the running minute."""

    def __init__(self, limit: int = WEIGHT_PER_MINUTE) -> None:
        self.limit = limit
        self._minute = 0
        self._used: dict[str, int] = {}

    def use(self, client: str, weight: int, now_s: float) -> int:
        """Count a request and give the client's used weight. Raise RequestRefused above the limit."""
        minute = int(now_s // MINUTE_S)
        if minute != self._minute or len(self._used) > CLIENTS_MAX:
            self._minute, self._used = minute, {}
        used = self._used[client] = self._used.get(client, 0) + weight
        if used > self.limit:
            raise errors.too_many(self.limit, int((minute + 1) * MINUTE_S - now_s) + 1)
        return used
