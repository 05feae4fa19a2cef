"""Who made a pack: Ed25519 signatures of manifest.json, and the keys this user has met before.

manifest.json holds the hash of every other file, so signing its bytes signs the pack. A signature stands in the zip
as signature.json or beside it as NAME.scumble.sig, with the same contents. Keys are trusted on first use: the first
signed pack of an author (or of an id) sets the key that later ones must have.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scumble_backend.errors import FileTrouble, KeyChanged, ManifestWrong, SignatureWrong, from_os_error
from scumble_backend.files import write_bytes
from scumble_backend.packs.manifest import Manifest
from scumble_backend.packs.strict_json import parse_json

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

DETACHED_SUFFIX = ".sig"
# What is signed begins with this, so that a signature can't be mistaken for one of anything else.
_CONTEXT = b"scumble pack signature 1\n"
_REMEDY = "Get the pack again from its author; nothing was installed."


def fingerprint(public_key: bytes) -> str:
    """Short name of a key for people: 8 groups of 4 hexadecimal digits."""
    digits = sha256(public_key).hexdigest()[:32]
    return " ".join(digits[i : i + 4] for i in range(0, 32, 4))


def sign(manifest: bytes, key: Ed25519PrivateKey) -> bytes:
    """The contents of signature.json for the bytes of manifest.json."""
    public = key.public_key().public_bytes_raw()
    data = {
        "format": 1,
        "algorithm": "ed25519",
        "key": base64.b64encode(public).decode(),
        "signature": base64.b64encode(key.sign(_CONTEXT + manifest)).decode(),
    }
    return (json.dumps(data, indent=1) + "\n").encode()


def verify(manifest: bytes, signature: bytes, name: str) -> bytes:
    """The public key (32 bytes) whose owner signed. Raises SignatureWrong. name: of the pack, for messages."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        data = parse_json(signature, "signature.json")
    except ManifestWrong as error:
        raise SignatureWrong(f"{name}: {error.message}", remedy=_REMEDY) from error
    if not isinstance(data, dict) or data.get("format") != 1 or data.get("algorithm") != "ed25519":
        raise SignatureWrong(f"{name} is signed in a way that is not known here.", remedy="Update Scumble.")
    key, given = _decode(data.get("key"), 32, name), _decode(data.get("signature"), 64, name)
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(given, _CONTEXT + manifest)
    except (InvalidSignature, ValueError) as error:
        raise SignatureWrong(
            f"{name}: the signature does not fit. The pack was changed after its author signed it.",
            remedy="Don't use it; get the pack from its author. Nothing was installed.",
        ) from error
    return key


def _decode(text: object, length: int, name: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError) as error:
        raise SignatureWrong(f"{name}: signature.json is damaged.", remedy=_REMEDY) from error
    if len(raw) != length:
        raise SignatureWrong(f"{name}: signature.json is damaged.", remedy=_REMEDY)
    return raw


# --- the author's own key --------------------------------------------------------------------------------


def load_key(path: Path) -> Ed25519PrivateKey:
    """An author's private key from a PEM file. Raises FileTrouble, SignatureWrong."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        raw = path.read_bytes()
    except OSError as error:
        raise from_os_error(error, path, "read") from error
    try:
        key = load_pem_private_key(raw, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SignatureWrong(
            f"{path.name} is not a readable private key.", remedy="Give an Ed25519 key as PEM without a password."
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SignatureWrong(f"{path.name} is not an Ed25519 key.", remedy="Make one with `scumble packs sign`.")
    return key


def create_key(path: Path) -> Ed25519PrivateKey:
    """A new private key in a file that only its owner can read. Raises FileTrouble if `path` exists."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(pem)
    except FileExistsError as error:
        raise FileTrouble(f"{path} exists already.", remedy="Use it with --key, or choose another name.") from error
    except OSError as error:
        raise from_os_error(error, path) from error
    return key


# --- keys met before -------------------------------------------------------------------------------------


@dataclass
class TrustedKeys:
    """Keys by pack id and by author's name, kept as trust.json in the packs' folder."""

    path: Path
    packs: dict[str, str] = field(default_factory=dict)  # pack id -> key, base64
    authors: dict[str, str] = field(default_factory=dict)  # author's name, folded -> key, base64

    @classmethod
    def load(cls, path: Path) -> TrustedKeys:
        """Raises FileTrouble if the file is there and can't be understood: trust must not be lost unseen."""
        try:
            data = parse_json(path.read_bytes(), path.name)
        except FileNotFoundError:
            return cls(path)
        except OSError as error:
            raise from_os_error(error, path, "read") from error
        except ManifestWrong as error:
            raise _trust_damaged(path) from error
        if not isinstance(data, dict):
            raise _trust_damaged(path)
        packs: Any = data.get("packs")
        authors: Any = data.get("authors")
        for table in (packs, authors):
            if not isinstance(table, dict) or not all(isinstance(key, str) for key in table.values()):
                raise _trust_damaged(path)
        return cls(path, dict(packs), dict(authors))

    def warning(self, manifest: Manifest, key: bytes | None) -> KeyChanged | None:
        """What to tell a person before a pack with this key (None: not signed) is installed; None: nothing."""
        known_pack = self.packs.get(manifest.id)
        if key is None:
            if known_pack is None:
                return None
            return KeyChanged(
                f"WARNING: {manifest.title} was signed until now, and this file is not signed.",
                remedy="Install it only if you know why; `--trust-changed-key` does so. Nothing was installed.",
            )
        given = base64.b64encode(key).decode()
        known = {known_pack, *(self.authors.get(_folded(author)) for author in manifest.authors)} - {None}
        if known <= {given}:
            return None
        before = next(old for old in known if old is not None and old != given)
        author = ", ".join(manifest.authors) or "an unnamed author"
        return KeyChanged(
            f"WARNING: {manifest.title} by {author} is signed with another key "
            f"({fingerprint(key)}) than before ({fingerprint(_raw(before))}).",
            remedy="Somebody else may have made it. Ask the author for the new key's fingerprint, and install with "
            "`--trust-changed-key` only if it is the same. Nothing was installed.",
        )

    def remember(self, manifest: Manifest, key: bytes | None) -> None:
        """Set the key for the pack's id and authors. Raises DiskFull, FileTrouble."""
        if key is None:
            self.packs.pop(manifest.id, None)
        else:
            given = base64.b64encode(key).decode()
            self.packs[manifest.id] = given
            self.authors.update(dict.fromkeys(map(_folded, manifest.authors), given))
        data = {"format": 1, "packs": self.packs, "authors": self.authors}
        write_bytes(self.path, json.dumps(data, ensure_ascii=False, indent=1, sort_keys=True).encode())


def _raw(key: str) -> bytes:
    return base64.b64decode(key)


def _folded(author: str) -> str:
    import unicodedata

    return unicodedata.normalize("NFKC", author).casefold().strip()


def _trust_damaged(path: Path) -> FileTrouble:
    return FileTrouble(
        f"{path} is damaged, so known keys can't be compared.",
        remedy="Restore it from a backup, or delete it to start afresh: every author then counts as new.",
    )
