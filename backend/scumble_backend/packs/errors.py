"""What can be wrong with a pack, a store or an import: `scumble_backend.errors` and what only this room needs.

Every one of these is also a finding: `verify` lists them without raising.
"""

from __future__ import annotations

from scumble_backend.errors import (
    DiskFull,
    DownloadFailed,
    FileTrouble,
    PackBaseMissing,
    PackDamaged,
    PackError,
    PackNeedsAnswers,
    PackNotRemovable,
    PackTooNew,
    PackUnknown,
    PackUnsafe,
    PackUntrusted,
    PackWrongKind,
    from_os_error,
)

__all__ = [
    "CatalogWrong",
    "DiskFull",
    "DownloadFailed",
    "ExportFailed",
    "FileTrouble",
    "ImportFailed",
    "KeyChanged",
    "ManifestWrong",
    "PackBaseMissing",
    "PackDamaged",
    "PackError",
    "PackNeedsAnswers",
    "PackNotRemovable",
    "PackTooNew",
    "PackUnknown",
    "PackUnsafe",
    "PackUnsupported",
    "PackUntrusted",
    "PackWrongKind",
    "SignatureWrong",
    "StoreBusy",
    "WeightsWrong",
    "from_os_error",
]


class ManifestWrong(PackDamaged):
    """manifest.json does not say what docs/pack-format.md asks for."""

    code = "manifest_wrong"


class PackUnsupported(PackError):
    """A kind or architecture that this Scumble does not know."""

    code = "pack_unsupported"


class WeightsWrong(PackDamaged):
    """Tensors are missing, superfluous, of a wrong shape or type, or not finite."""

    code = "weights_wrong"


class SignatureWrong(PackUntrusted):
    """There is a signature, and it does not fit the pack."""

    code = "signature_wrong"


class KeyChanged(PackUntrusted):
    """The author's key is not the one known from earlier packs."""

    code = "key_changed"


class StoreBusy(PackError):
    """Another program holds the packs' folder for longer than we wait."""

    code = "store_busy"


class CatalogWrong(PackError):
    """catalog.json does not say what docs/pack-format.md asks for."""

    code = "catalog_wrong"


class ImportFailed(PackError):
    """A foreign network can't be converted, or its conversion paints another picture."""

    code = "import_failed"


class ExportFailed(PackError):
    """A pack can't be written in the form that was asked for."""

    code = "export_failed"
