"""The lists of packs that a user has asked before, and fetching them."""

from __future__ import annotations

import json
from pathlib import Path

from scumble_backend.errors import ManifestWrong, from_os_error
from scumble_backend.files import make_folder, write_bytes
from scumble_backend.packs import download
from scumble_backend.packs.catalog import Catalog
from scumble_backend.packs.store import PackStore
from scumble_backend.packs.strict_json import parse_json

FILE = "catalogs.json"
_LIMITS = download.Limits(bytes=16 << 20, total_s=120.0)


def normal(address: str) -> str:
    """An address, from an address or a path."""
    return address if download.is_address(address) else Path(address).resolve().as_uri()


def remembered(store: PackStore) -> list[str]:
    """Addresses of catalogs, oldest first. Raises FileTrouble if the list is damaged."""
    path = store.folders.user / FILE
    try:
        data = parse_json(path.read_bytes(), FILE)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise from_os_error(error, path, "read") from error
    if not isinstance(data, list) or not all(isinstance(address, str) for address in data):
        raise ManifestWrong(f"{path} is damaged.", remedy="Delete it, and name your catalogs again with --catalog.")
    return data


def remember(store: PackStore, addresses: list[str]) -> None:
    """Raises DiskFull, FileTrouble."""
    folder = store.folders.user
    make_folder(folder)
    write_bytes(folder / FILE, json.dumps(addresses, indent=1).encode())


def load(address: str, store: PackStore) -> Catalog:
    """A catalog with absolute addresses. Raises DownloadFailed, FileTrouble, CatalogWrong."""
    path = download.fetch(address, store.folders.user / "downloads", limits=_LIMITS)
    try:
        return Catalog.from_bytes(path.read_bytes(), path.name).at(address)
    except OSError as error:
        raise from_os_error(error, path, "read") from error
