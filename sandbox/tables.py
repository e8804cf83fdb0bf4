"""The tables of the sandbox's file: which rows each holds, their keys and indexes."""

from decimal import Decimal
from typing import Any

from sandbox.rows import (
    Cycle,
    Entry,
    Fill,
    Funding,
    Income,
    MirrorOrder,
    Movement,
    Notice,
    Order,
    Position,
    Settled,
    SubWallet,
    Unsettled,
)

TABLES: dict[type[Any], tuple[str, str]] = {
    Position: ("positions", "account, symbol"),
    Order: ("orders", "id"),
    Fill: ("fills", "account, symbol, id"),
    Income: ("incomes", "id"),
    Funding: ("fundings", "venue, symbol, at_ms"),
    Entry: ("custody_entries", "id"),
    MirrorOrder: ("mirror_orders", "id"),
    Cycle: ("settlement_cycles", "id"),
    Settled: ("settled", "link"),
    Unsettled: ("unsettled", "link, coin"),
    SubWallet: ("sub_wallets", "id"),
    Movement: ("movements", "id"),
    Notice: ("notices", "id"),
}
INDEXES = {
    "orders_by_client_id": "orders (account, client_id)",
    "orders_by_id": "orders (account, id)",
    "orders_by_status": "orders (status)",
    "fills_by_time": "fills (account, at_ms, id)",
    "fills_by_order": "fills (account, symbol, order_id)",
    "mirror_orders_by_request": "mirror_orders (request_id)",
    "mirror_orders_by_status": "mirror_orders (status)",
    "movements_by_request": "movements (kind, request_id)",
    "movements_by_status": "movements (status)",
    "notices_by_state": "notices (state)",
}
SQL_TYPES: dict[Any, str] = {int: "INTEGER", bool: "INTEGER", str: "TEXT", Decimal: "TEXT"}
