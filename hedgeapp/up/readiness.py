"""Readiness: ask the web process whether the whole stack is ready."""

import asyncio
from contextlib import suppress

from hedgeapp.up.ports import HOST

ANSWER_S_MAX = 3.0
ANSWER_BYTES_MAX = 65_536


async def reason_not_ready(port: int) -> str | None:
    """Return None when /readyz answers 200, else why it does not, in its own words."""
    try:
        async with asyncio.timeout(ANSWER_S_MAX):
            status, body = await _get(port, "/readyz")
    except TimeoutError:
        return f"the web process did not answer within {ANSWER_S_MAX:g} s"
    except (OSError, ValueError, IndexError):
        return "the web process does not listen yet"
    return None if status == 200 else f"{status}: {'; '.join(body.splitlines()) or 'no reason given'}"


async def _get(port: int, path: str) -> tuple[int, str]:
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(f"GET {path} HTTP/1.0\r\nHost: localhost\r\nAccept: text/plain\r\n\r\n".encode())
        answer = b""
        while len(answer) < ANSWER_BYTES_MAX and (chunk := await reader.read(ANSWER_BYTES_MAX)):
            answer += chunk
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1]), body.decode(errors="replace")
