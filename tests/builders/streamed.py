"""A file that a page streams, read whole."""

from collections.abc import AsyncIterable
from typing import Any, cast

from asgiref.sync import async_to_sync
from django.http import StreamingHttpResponse


def whole(answer: Any) -> str:
    """Return the text of an answer that is streamed by an asynchronous iterator."""
    assert isinstance(answer, StreamingHttpResponse)
    assert answer.is_async

    async def read() -> bytes:
        return b"".join([part async for part in cast("AsyncIterable[bytes]", answer.streaming_content)])

    return async_to_sync(read)().decode()
