"""What Ceffu published of its requests, and whether a request that was really sent has that shape."""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

SPECIFICATION = Path(__file__).resolve().parents[3] / "shared" / "specs" / "ceffu.postman_collection.json"
ROOT = "/open-api"
TYPES: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int,),
    "string": (str,),
    "string/integer": (str, int),
}

Sent = tuple[str, str, str, bytes]  # method, path, raw query, body


def published() -> dict[tuple[str, str], dict[str, Any]]:
    """Return the published requests by method and path."""
    found: dict[tuple[str, str], dict[str, Any]] = {}

    def walk(items: list[dict[str, Any]]) -> None:
        for item in items:
            if "item" in item:
                walk(item["item"])
            else:
                request = item["request"]
                found[request["method"], "/" + "/".join(request["url"]["path"])] = request

    walk(json.loads(SPECIFICATION.read_text())["item"])
    return found


def faults_of(sent: Sent) -> list[str]:
    """Return what a request has that is not as published."""
    method, path, query, body = sent
    request = published().get((method, path))
    if request is None:
        return [f"{method} {path} is not published"]
    if method == "GET":
        return _faults_of_query(path, dict(parse_qsl(query, keep_blank_values=True)), request)
    return _faults_of_body(path, json.loads(body), request)


def _faults_of_query(path: str, given: dict[str, str], request: dict[str, Any]) -> list[str]:
    rows = request["url"].get("query", [])
    known = {row["key"] for row in rows} | {"timestamp"}
    needed = {row["key"] for row in rows if not row.get("disabled")} | {"timestamp"}
    if path.endswith("/system/status"):
        known |= {"bizType", "walletType"}  # of the documentation's first example
    return [
        *(f"{path}: {name} is not published" for name in given.keys() - known),
        *(f"{path}: {name} is missing" for name in needed - given.keys()),
        *(f"{path}: {name} is empty" for name, value in given.items() if not value),
    ]


def _faults_of_body(path: str, given: dict[str, Any], request: dict[str, Any]) -> list[str]:
    table = dict(re.findall(r"^\| (\w+) \| ([\w/]+) \|", request["description"], re.MULTILINE))
    table.pop("Field", None)
    return [
        *(f"{path}: {name} is not published" for name in given.keys() - table.keys()),
        *(f"{path}: {name} is missing" for name in table.keys() - given.keys()),
        *(
            f"{path}: {name} is {value!r}, {table[name]} expected"
            for name, value in given.items()
            if name in table and not isinstance(value, TYPES[table[name]])
        ),
    ]
