"""Installed packs as files for others: .scumble, with or without the base network, signed, or ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scumble_backend.errors import ExportFailed, SignatureWrong
from scumble_backend.files import replace_file, write_bytes
from scumble_backend.packs.archive import BASE, MANIFEST, ORIGIN, SIGNATURE, PackArchive, write_archive
from scumble_backend.packs.signing import DETACHED_SUFFIX, sign
from scumble_backend.packs.store import InstalledPack, PackStore

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def export_pack(store: PackStore, pack: InstalledPack, target: Path, *, with_base: bool = True) -> None:
    """Write a pack as a .scumble file; with its base it can be installed anywhere. The signature stays valid."""
    files = _contents(pack.path)
    if pack.manifest.base and with_base:
        files[BASE] = store.read_base(pack.manifest.base)
    with replace_file(target) as stream:
        write_archive(stream, files)


def export_onnx(store: PackStore, pack: InstalledPack, target: Path) -> float:
    """Write a pack's network as ONNX; returns the largest difference of pictures, as onnxruntime and we paint them.

    Raises ExportFailed, ImportFailed where the extra `onnx` is missing.
    """
    from scumble_backend.packs import making, onnx_models

    manifest = pack.manifest
    if manifest.kind == "upscale":
        return onnx_models.export_upscaler(making.load_upscaler(pack), target)
    network, style = making.load_network(store, pack), making.load_style(pack)
    if manifest.architecture["name"] != "style":
        raise ExportFailed(
            f"Styles of the family {manifest.architecture['name']} can't be written as ONNX yet.",
            remedy="Use the .scumble file; Scumble's protocol lets other programs paint with it.",
        )
    return onnx_models.export_style(network, style.table, target, title=manifest.title, license=manifest.license)


def sign_pack(path: Path, key: Ed25519PrivateKey, *, detached: bool = False) -> Path:
    """Sign a .scumble file, inside it or beside it; returns the file that now holds the signature.

    Raises PackDamaged, PackUnsafe, SignatureWrong if it is signed both ways.
    """
    files = _contents(path)
    signature = sign(files[MANIFEST], key)
    beside = path.with_name(path.name + DETACHED_SUFFIX)
    if detached:
        if SIGNATURE in files:
            raise SignatureWrong(f"{path.name} is signed inside already.", remedy="Sign it without --detached.")
        write_bytes(beside, signature)
        return beside
    if beside.exists():
        raise SignatureWrong(f"{beside.name} signs this pack already.", remedy="Delete it, or sign with --detached.")
    files[SIGNATURE] = signature
    with replace_file(path) as stream:
        write_archive(stream, files)
    return path


def _contents(path: Path) -> dict[str, bytes]:
    with PackArchive(path) as archive:
        manifest = archive.manifest()
        files = {name: archive.read_listed(manifest, name) for name in manifest.files}
        for name in (MANIFEST, SIGNATURE, BASE):
            if name in archive:
                files[name] = archive.read(name)
    files.pop(ORIGIN, None)
    return files
