"""Fetching a pack: https or file only, resumable, against a hash and a size limit, with progress.

A download is kept under a name made from its address until it is whole, so that one that was cut off goes on where
it ended, if the server still has the same file. Proxies are those of the environment (https_proxy, no_proxy).
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from scumble_backend.errors import DownloadFailed, FileTrouble, from_os_error
from scumble_backend.files import locked, make_folder, write_bytes
from scumble_backend.packs.archive import MAX_PACK_BYTES

Progress = Callable[[int, int | None], None]
"""Called with bytes so far and bytes in all (None: the server does not say); may raise to stop."""

_CHUNK = 1 << 16
_AGAIN = "Check the address and the network, then try again; what was fetched is kept and goes on from there."


@dataclass(frozen=True)
class Limits:
    bytes: int = MAX_PACK_BYTES
    silence_s: float = 20.0  # without a byte
    total_s: float = 3600.0


def is_address(text: str) -> bool:
    """True for what looks like an address rather than a path ("c:" is a drive)."""
    scheme = urllib.parse.urlsplit(text).scheme
    return len(scheme) > 1 and "://" in text


def fetch(
    address: str,
    folder: Path,
    *,
    digest: str = "",
    progress: Progress = lambda done, total: None,
    limits: Limits = Limits(),
    context: ssl.SSLContext | None = None,
) -> Path:
    """Download `address` into `folder` and return the file's path. A file: address returns the file itself.

    digest: the sha256 that the file must have; "" if unknown. It may stand in the address as #sha256=...
    context: certificates to trust; the system's by default.
    Raises DownloadFailed, DiskFull, FileTrouble, and whatever `progress` raises.
    """
    parts = urllib.parse.urlsplit(address)
    digest = digest or dict(urllib.parse.parse_qsl(parts.fragment)).get("sha256", "")
    if parts.scheme == "file":
        path = Path(urllib.request.url2pathname(parts.path))
        if parts.netloc not in ("", "localhost") or not path.is_file():
            raise FileTrouble(f"{address} is not a file on this machine.", remedy="Check the address.")
        _check_digest(path, digest, address)
        return path
    _check_scheme(address)
    name = Path(urllib.parse.unquote(parts.path)).name or "download"
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip(".")[-80:] or "download"
    place = folder / sha256(urllib.parse.urldefrag(address).url.encode()).hexdigest()[:16]
    make_folder(place)
    with locked(place / "lock"):
        part, whole = place / "part", place / safe
        _Transfer(address, part, place / "state.json", progress, limits, context).run()
        try:
            _check_digest(part, digest, address)
        except DownloadFailed:
            part.unlink(missing_ok=True)  # else the next try would go on from the wrong bytes
            raise
        try:
            part.replace(whole)
        except OSError as error:
            raise from_os_error(error, whole) from error
    return whole


@dataclass
class _Transfer:
    address: str
    part: Path
    state: Path  # which version of the file the bytes in `part` belong to
    progress: Progress
    limits: Limits
    context: ssl.SSLContext | None

    def run(self) -> None:
        try:
            with self._open() as response:
                self._receive(response)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 416 and self.part.exists():
                    self.part.unlink()  # the server's file is shorter now
                    raise DownloadFailed(f"{self.address} changed meanwhile.", remedy="Try again.") from error
                raise DownloadFailed(
                    f"{self.address} could not be fetched: the server answers {error.code} {error.reason}.",
                    remedy=_AGAIN,
                ) from error
        except (
            urllib.error.URLError,
            TimeoutError,
            ConnectionError,
            ssl.SSLError,
            http.client.HTTPException,
        ) as error:
            reason = getattr(error, "reason", None) or error or type(error).__name__
            raise DownloadFailed(f"{self.address} could not be fetched: {reason}.", remedy=_AGAIN) from error
        except ValueError as error:  # urllib's word for an address that is none
            raise DownloadFailed(
                f"{self.address} is not an address ({error}).", remedy="Check the address."
            ) from error

    def _open(self) -> Any:
        request = urllib.request.Request(
            self.address, headers={"User-Agent": "scumble", "Accept-Encoding": "identity"}
        )
        known = self._known_version()
        if known:
            request.add_header("Range", f"bytes={self.part.stat().st_size}-")
            request.add_header("If-Range", known)
        opener = urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=self.context or ssl.create_default_context()), _OnlyHttps()
        )
        return opener.open(request, timeout=self.limits.silence_s)

    def _known_version(self) -> str:
        """What the server called the file when `part` was begun; "" if it can't be continued."""
        try:
            data = json.loads(self.state.read_bytes())
            begun = self.part.stat().st_size > 0
        except (FileNotFoundError, ValueError):
            return ""
        version = data.get("version") if isinstance(data, dict) else ""
        return version if begun and isinstance(version, str) else ""

    def _receive(self, response: Any) -> None:
        continued = response.status == 206
        done = self.part.stat().st_size if continued else 0
        if continued and not str(response.headers.get("Content-Range", "")).startswith(f"bytes {done}-"):
            raise DownloadFailed(f"{self.address}: the server sent another part than asked.", remedy=_AGAIN)
        length = response.headers.get("Content-Length")
        total = done + int(length) if length is not None and length.isdigit() else None
        self._check_size(total or 0)
        # Only a strong validator may be compared byte for byte (RFC 9110, 13.1.5).
        version = response.headers.get("ETag") or ""
        version = response.headers.get("Last-Modified", "") if version.startswith("W/") or not version else version
        write_bytes(self.state, json.dumps({"address": self.address, "version": version}).encode())
        try:
            with self.part.open("ab" if continued else "wb") as stream:
                self._copy(response, stream, done, total)
        except (TimeoutError, ConnectionError, ssl.SSLError):
            raise
        except OSError as error:
            raise from_os_error(error, self.part) from error

    def _copy(self, response: Any, stream: IO[bytes], done: int, total: int | None) -> None:
        deadline = time.monotonic() + self.limits.total_s
        self.progress(done, total)
        while chunk := response.read1(_CHUNK):
            stream.write(chunk)
            done += len(chunk)
            self._check_size(done)
            if time.monotonic() > deadline:
                raise DownloadFailed(
                    f"{self.address} took longer than {self.limits.total_s:.0f} seconds.", remedy=_AGAIN
                )
            self.progress(done, total)
        if total is not None and done < total:
            raise DownloadFailed(f"{self.address} ended after {done} of {total} bytes.", remedy=_AGAIN)

    def _check_size(self, size: int) -> None:
        if size > self.limits.bytes:
            self.part.unlink(missing_ok=True)
            raise DownloadFailed(
                f"{self.address} is larger than the {self.limits.bytes >> 20} MiB allowed.",
                remedy="Download it yourself if you trust it, and install the file.",
            )


class _OnlyHttps(urllib.request.HTTPRedirectHandler):
    """Follows redirects only where nobody on the way can read or change what comes."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        _check_scheme(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check_scheme(address: str) -> None:
    parts = urllib.parse.urlsplit(address)
    if parts.scheme != "https" or not parts.hostname:
        raise DownloadFailed(
            f"{address} is not fetched: only https: and file: addresses are.",
            remedy="Ask for an https address, or download the file yourself and install it.",
        )


def _check_digest(path: Path, digest: str, address: str) -> None:
    if not digest:
        return
    try:
        with path.open("rb") as stream:
            found = sha256()
            while chunk := stream.read(1 << 20):
                found.update(chunk)
    except OSError as error:
        raise from_os_error(error, path, "read") from error
    if found.hexdigest() != digest.lower():
        raise DownloadFailed(
            f"{address} is not the file that was announced: its sha256 is {found.hexdigest()[:16]}..., "
            f"not {digest[:16]}....",
            remedy="The file was changed or exchanged. Ask the one who gave you the address.",
        )
