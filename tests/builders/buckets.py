"""A bucket in tests: as much of S3's protocol as the second store uses, on a socket, from memory.

PUT with `If-None-Match: *`, GET, DELETE, the listing of objects (version 2, in pages), and the deletion of many.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

KEY: Final = "AKIATESTTESTTESTTEST"
BUCKET: Final = "far"
PAGE: Final = 3  # objects in one answer of a listing
NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"


class Objects:
    """What is in the bucket, and how it misbehaves: `overwrites` ignores conditions, `status` answers only with it."""

    def __init__(self) -> None:
        self.of: dict[str, bytes] = {}
        self.turn = threading.Lock()
        self.overwrites = False
        self.status = 0
        self.answers_lost = 0  # so many writes are done, and their answers fail
        self.port = 0


@contextmanager
def bucket() -> Iterator[Objects]:
    """Serve an empty bucket."""
    objects = Objects()
    server = ThreadingHTTPServer(("127.0.0.1", 0), lambda *given: _Answers(objects, *given))
    objects.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield objects
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, objects: Objects, *given: Any) -> None:
        self.objects = objects
        super().__init__(*given)

    def do_PUT(self) -> None:
        body, name = self._asked()
        with self.objects.turn:
            if self.headers["If-None-Match"] == "*" and name in self.objects.of and not self.objects.overwrites:
                return self._refuse(412, "PreconditionFailed")
            self.objects.of[name] = body
            if self.objects.answers_lost:
                self.objects.answers_lost -= 1
                return self._refuse(500, "InternalError")
        return self._answer(200, b"", ETag=f'"{md5(body).hexdigest()}"')

    def do_GET(self) -> None:
        _, name = self._asked()
        if not name:
            return self._list()
        found = self.objects.of.get(name)
        return self._refuse(404, "NoSuchKey") if found is None else self._answer(200, found)

    def do_DELETE(self) -> None:
        _, name = self._asked()
        self.objects.of.pop(name, None)
        return self._answer(204, b"")

    def do_POST(self) -> None:
        body, _ = self._asked()
        keys = [key.text or "" for key in ElementTree.fromstring(body).iter() if key.tag.endswith("Key")]
        for key in keys:
            self.objects.of.pop(key, None)
        gone = "".join(f"<Deleted><Key>{escape(key)}</Key></Deleted>" for key in keys)
        return self._answer(200, f'<DeleteResult xmlns="{NAMESPACE}">{gone}</DeleteResult>'.encode())

    def _list(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        prefix, after = asked.get("prefix", [""])[0], asked.get("continuation-token", [""])[0]
        names = sorted(name for name in self.objects.of if name.startswith(prefix) and name > after)
        page, is_more = names[:PAGE], len(names) > PAGE
        contents = "".join(
            f"<Contents><Key>{escape(name)}</Key><LastModified>2026-03-01T12:00:00.000Z</LastModified>"
            f'<ETag>"x"</ETag><Size>{len(self.objects.of[name])}</Size></Contents>'
            for name in page
        )
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if is_more else ""
        self._answer(
            200,
            f'<ListBucketResult xmlns="{NAMESPACE}"><Name>{BUCKET}</Name><IsTruncated>{str(is_more).lower()}'
            f"</IsTruncated>{token}{contents}</ListBucketResult>".encode(),
        )

    def _asked(self) -> tuple[bytes, str]:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        if self.objects.status or f"Credential={KEY}/" not in (self.headers["Authorization"] or ""):
            self._refuse(self.objects.status or 403, "AccessDenied")
            raise ConnectionAbortedError
        _, _, name = unquote(urlsplit(self.path).path).lstrip("/").partition("/")
        return body, name

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionAbortedError:
            self.close_connection = True

    def _refuse(self, status: int, code: str) -> None:
        self._answer(status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode())

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Length": str(len(body)),
            "Last-Modified": formatdate(usegmt=True),
            **headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
