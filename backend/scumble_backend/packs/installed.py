"""One installed pack: what it says about itself, and its weights and pictures on demand."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from scumble_backend.files import make_folder, write_bytes
from scumble_backend.packs import tensors
from scumble_backend.packs.archive import WEIGHTS, PackArchive
from scumble_backend.packs.manifest import Manifest
from scumble_backend.packs.strict_json import Json
from scumble_wire.messages import PackInfo

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class InstalledPack:
    """One pack of the store. Its file is opened only for weights and pictures."""

    path: Path
    manifest: Manifest
    origin: Json = field(default_factory=dict)  # {"source", "installed", "sha256"} as told by the store
    signed_by: str = ""  # fingerprint; empty: not signed
    starter: bool = False
    thumbnails: Path | None = None  # folder into which the thumbnail is put on demand

    @property
    def id(self) -> str:
        return self.manifest.id

    def weights(self) -> dict[str, Tensor]:
        """The tensors of weights.safetensors by name, on the CPU, checked against their hash. Raises PackDamaged."""
        with PackArchive(self.path) as archive:
            return tensors.read(archive.read_listed(archive.manifest(), WEIGHTS), WEIGHTS)

    def thumbnail_name(self) -> str | None:
        return next((name for name in sorted(self.manifest.files) if name.startswith("thumbnail.")), None)

    def thumbnail_bytes(self) -> bytes | None:
        """The thumbnail's file (PNG, JPEG or WebP), or None. Raises PackDamaged."""
        name = self.thumbnail_name()
        if name is None:
            return None
        with PackArchive(self.path) as archive:
            return archive.read_listed(archive.manifest(), name)

    def painting_bytes(self) -> bytes | None:
        """A small picture of the painting (PNG, JPEG or WebP), or None. Raises PackDamaged."""
        name = next((name for name in sorted(self.manifest.files) if name.startswith("painting.")), None)
        if name is None:
            return None
        with PackArchive(self.path) as archive:
            return archive.read_listed(archive.manifest(), name)

    def _thumbnail_path(self) -> Path | None:
        name = self.thumbnail_name()
        if name is None or self.thumbnails is None:
            return None
        return self.thumbnails / f"{self.manifest.files[name].sha256}.{name.rsplit('.', 1)[1]}"

    def forget_thumbnail(self) -> None:
        """Remove the thumbnail's file, if there is one: it is made again where a pack needs it."""
        path = self._thumbnail_path()
        if path is not None:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def thumbnail(self) -> Path | None:
        """Path of the thumbnail's file, or None if the pack has none. Raises PackDamaged, DiskFull, FileTrouble."""
        path = self._thumbnail_path()
        if path is None or self.thumbnails is None:
            return None
        if not path.exists():
            raw = self.thumbnail_bytes()
            assert raw is not None
            make_folder(self.thumbnails)
            write_bytes(path, raw)
        return path

    def info(self) -> PackInfo:
        return pack_info(
            self.manifest,
            source="starter" if self.starter else str(self.origin.get("source", "")),
            signed_by=self.signed_by,
            removable=not self.starter,
        )


def _network_of(manifest: Manifest) -> str:
    """The name of the convolutions that a style paints with; empty for packs that don't paint."""
    if manifest.kind not in ("affine", "network"):
        return ""
    weights = manifest.files.get(WEIGHTS)
    return manifest.base or (weights.sha256 if weights is not None else "")


def pack_info(manifest: Manifest, *, source: str = "", signed_by: str = "", removable: bool = True) -> PackInfo:
    """What a chooser shows of a pack."""
    painting = manifest.painting
    return PackInfo(
        id=manifest.id,
        title=manifest.title,
        kind=manifest.kind,
        version=manifest.version,
        authors=list(manifest.authors),
        license=manifest.license,
        painting=str(painting) if painting else "",
        painting_license=painting.license if painting else "",
        source=source,
        signed_by=signed_by,
        removable=removable,
        factors=list(manifest.factors),
        stroke_scales=[manifest.stroke_scales[0], manifest.stroke_scales[-1]],
        boldness=manifest.boldness,
        description=manifest.description,
        network=_network_of(manifest),
        tags=list(manifest.tags),
        settings=json.dumps(manifest.mix, ensure_ascii=False, sort_keys=True) if manifest.mix else "",
    )
