"""A mail server on a socket, that takes mail, refuses some addresses, or goes away."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Post:
    """What a mail server took, and whose mail it refuses."""

    def __init__(self) -> None:
        self.mails: list[str] = []
        self.refused: set[str] = set()


class _Handler(socketserver.StreamRequestHandler):
    """As much of SMTP as one mail needs."""

    post: Post

    def handle(self) -> None:
        """Take mails until the sender leaves."""
        self._say("220 here")
        while line := self.rfile.readline().decode().strip():
            verb = line[:4].upper()
            if verb == "DATA":
                self._say("354 go on")
                body = iter(lambda: self.rfile.readline().decode(), ".\r\n")
                self.post.mails.append("".join(body))
            if verb == "RCPT" and any(address in line for address in self.post.refused):
                self._say("550 nobody of that name")
                continue
            self._say("221 bye" if verb == "QUIT" else "250 fine")
            if verb == "QUIT":
                return

    def _say(self, said: str) -> None:
        self.wfile.write(f"{said}\r\n".encode())


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    """Serve in a thread while the block lasts."""
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def mail_server(settings: Any) -> Iterator[Post]:
    """Let Django send its mail to a server of the test, while the block lasts."""
    post = Post()
    server = socketserver.TCPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"post": post}))
    with serving(server):
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.server_address[1]
        yield post
