"""Notary: the head of the log, signed to a file outside the database, so that nobody can write the log anew unseen.

A line is JSON: seq, hash (hex), signed_at (RFC 3339), signature (Ed25519, hex) over the UTF-8 text
`hedgeapp eventlog head\n{seq}\n{hash}\n{signed_at}\n`. The public key lies beside the files; copy both elsewhere.
"""

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from hedgeapp.core.records import record
from hedgeapp.eventlog.read import Head

KEY_FILE: Final = "heads.key"
PUBLIC_FILE: Final = "heads.pub"
FOLDER: Final = "heads"
LOST: Final = "lost"  # below it: heads of events that no store had any more


@record
class SignedHead:
    """A line of the file: the log ended at `seq` with `hash` at `signed_at`."""

    seq: int
    hash: str
    signed_at: datetime
    signature: str

    @property
    def text(self) -> bytes:
        """The bytes that are signed."""
        return f"hedgeapp eventlog head\n{self.seq}\n{self.hash}\n{self.signed_at.isoformat()}\n".encode()


class HeadIsForged(ValueError):
    """A line of a head file does not bear our signature."""

    def __init__(self, file: Path, line: int, reason: str) -> None:
        super().__init__(f"a head with our signature expected in {file.name} line {line}, found {reason}")


def sign(var: Path, head: Head, at: datetime) -> SignedHead:
    """Append the signed head to the month's file below `var`, durably, and return it."""
    unsigned = SignedHead(seq=head.seq, hash=head.hash.hex(), signed_at=at, signature="")
    signature = _private_key(var).sign(unsigned.text).hex()
    signed = SignedHead(seq=head.seq, hash=head.hash.hex(), signed_at=at, signature=signature)
    folder = var / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{at:%Y-%m}.jsonl"
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.truncate(file, _whole_lines_bytes(path))
        os.write(file, msgspec.json.encode(signed) + b"\n")
        os.fsync(file)
    finally:
        os.close(file)
    return signed


def _whole_lines_bytes(path: Path) -> int:
    """Return the length of a file without a last line that a crash tore in the middle of its write."""
    return path.read_bytes().rfind(b"\n") + 1


def signed_heads(var: Path) -> Iterator[SignedHead]:
    """Yield all signed heads, oldest first; refuse with HeadIsForged what our key did not sign."""
    files = sorted((var / FOLDER).glob("*.jsonl"))
    if not files:
        return
    public = load_pem_public_key((var / PUBLIC_FILE).read_bytes())
    assert isinstance(public, Ed25519PublicKey)
    for file in files:
        lines = file.read_bytes().split(b"\n")
        for number, line in enumerate(lines, 1):
            if line and number < len(lines):
                yield _checked(public, file, number, line)


def _checked(public: Ed25519PublicKey, file: Path, number: int, line: bytes) -> SignedHead:
    try:
        head = msgspec.json.decode(line, type=SignedHead)
        public.verify(bytes.fromhex(head.signature), head.text)
    except (msgspec.DecodeError, ValueError) as error:
        raise HeadIsForged(file, number, f"another line: {error}") from error
    except InvalidSignature as error:
        raise HeadIsForged(file, number, "another signature") from error
    return head


def _private_key(var: Path) -> Ed25519PrivateKey:
    """Load the signing key, made at first use, readable by its owner alone."""
    path = var / KEY_FILE
    if not path.exists():
        key = Ed25519PrivateKey.generate()
        var.mkdir(parents=True, exist_ok=True)
        (var / PUBLIC_FILE).write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        _write_once(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    loaded = load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(loaded, Ed25519PrivateKey)
    return loaded


def _write_once(path: Path, content: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def set_aside(var: Path, beyond: int, at: datetime) -> int:
    """Move the heads of events that are lost, those beyond a seq, to a file that is only kept, and return how many.

    Only a restore does so, by somebody's explicit word: what is moved says for ever that there was more.
    """
    lost = 0
    for file in sorted((var / FOLDER).glob("*.jsonl")):
        lines = [line for line in file.read_bytes().split(b"\n")[:-1] if line]
        gone = [line for line in lines if msgspec.json.decode(line, type=SignedHead).seq > beyond]
        if gone:
            lost += len(gone)
            keep = [line for line in lines if line not in gone]
            _replaced(var / FOLDER / LOST / f"{at:%Y%m%dT%H%M%S}-{file.name}", gone)
            _replaced(file, keep)
    return lost


def _replaced(path: Path, lines: list[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f"{path.name}.new")
    with half.open("wb") as file:
        file.write(b"".join(line + b"\n" for line in lines))
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)
