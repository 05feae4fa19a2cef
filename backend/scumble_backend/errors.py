"""What can go wrong in the backend. Each class has a stable `code` that travels in `Failed`.

Foreign errors (torch, OSError, zipfile, zmq) become one of these at the edge where they arise, with `from`.
"""

from __future__ import annotations

import errno
from pathlib import Path

from scumble_wire.errors import ScumbleError


class BackendError(ScumbleError):
    """Something went wrong in the backend; the base of this tree."""

    code = "backend_error"


class InternalError(BackendError):
    """A fault of ours that nobody foresaw. The log holds the traceback."""

    code = "internal"


# --- jobs ------------------------------------------------------------------------------------------------


class JobCancelled(BackendError):
    """Raised out of a progress callback: somebody asked the job to stop."""

    code = "cancelled"

    def __init__(self, message: str = "The job was cancelled.", *, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)


class JobUnknown(BackendError):
    """There is no job of this name, or no longer."""

    code = "job_unknown"


class JobNotSuitable(BackendError):
    """The job exists but can't do what was asked, as pausing a job that paints."""

    code = "job_not_suitable"


class HelloMissing(BackendError):
    """A client asked for something before it said Hello."""

    code = "hello_missing"


class QueueFull(BackendError):
    """Too much waits already."""

    code = "queue_full"


# --- pictures --------------------------------------------------------------------------------------------


class PixelsDamaged(BackendError):
    """A frame of pixels or a mask does not fit what its header says."""

    code = "pixels_damaged"


class ImageTooSmall(BackendError):
    """The picture is smaller than the networks can see."""

    code = "image_too_small"


class ImageTooLarge(BackendError):
    """The picture, or the enlarged one, would be larger than Scumble handles."""

    code = "image_too_large"


class FactorWrong(BackendError):
    """A picture can't be enlarged by such a factor."""

    code = "factor_wrong"


class NetworkFailed(BackendError):
    """A network gave something that is no picture: NaN weights, or a network for something else."""

    code = "network_failed"


class UnreadableImage(BackendError):
    """A file is not a picture that can be read."""

    code = "unreadable_image"


class UnwritableImage(BackendError):
    """A picture can't be written to the place or in the format asked for."""

    code = "unwritable_image"


# --- packs -----------------------------------------------------------------------------------------------


class PackError(BackendError):
    """Something about a pack."""

    code = "pack_error"


class PackUnknown(PackError):
    """No pack of this id is installed."""

    code = "pack_unknown"


class PackDamaged(PackError):
    """The file is no pack, or its contents do not match their checksums."""

    code = "pack_damaged"


class PackTooNew(PackError):
    """The pack's format is newer than this version of Scumble."""

    code = "pack_too_new"


class PackUnsafe(PackError):
    """The file holds something that Scumble refuses to open, as pickled code or a path that leaves its folder."""

    code = "pack_unsafe"


class PackUntrusted(PackError):
    """The signature does not fit, or the author's key is another than the one known."""

    code = "pack_untrusted"


class PackBaseMissing(PackError):
    """The pack is a table for a base network that is not installed."""

    code = "pack_base_missing"


class PackNotRemovable(PackError):
    """The pack ships with Scumble."""

    code = "pack_not_removable"


class PackNeedsAnswers(PackError):
    """A foreign network can be installed only with a title and a license from the user."""

    code = "pack_needs_answers"


class PackWrongKind(PackError):
    """A style was asked for and the pack enlarges, or the other way round."""

    code = "pack_wrong_kind"


class PackNotMixable(PackError):
    """The packs stand on different base networks or are whole networks, so they can't be blended."""

    code = "pack_not_mixable"


class DownloadFailed(PackError):
    """A pack could not be fetched from its address."""

    code = "download_failed"


# --- the machine -----------------------------------------------------------------------------------------


class OutOfMemory(BackendError):
    """The device's or the machine's memory did not suffice."""

    code = "out_of_memory"


class DeviceUnavailable(BackendError):
    """The device that was asked for is not there or does not work."""

    code = "device_unavailable"


class DiskFull(BackendError):
    """Nothing more can be written. What was there before is unharmed."""

    code = "disk_full"


class FileTrouble(BackendError):
    """A file or folder can't be read or written (missing, no permission, ...)."""

    code = "file_trouble"


class BackendRunning(BackendError):
    """Another backend of this user runs already."""

    code = "backend_running"


class ConfigDamaged(BackendError):
    """The settings file can't be understood."""

    code = "config_damaged"


# --- training --------------------------------------------------------------------------------------------


class TrainingFailed(BackendError):
    """The training process ended without a pack."""

    code = "training_failed"


class TrainingMissing(BackendError):
    """Training can't start: its package, the loss network or the photos are missing."""

    code = "training_missing"


class TrainingDiverged(TrainingFailed):
    """The losses became infinite or the network stopped learning."""

    code = "training_diverged"


_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG} if hasattr(errno, "EDQUOT") else {errno.ENOSPC, errno.EFBIG}


def from_os_error(error: OSError, path: Path | str, doing: str = "write") -> BackendError:
    """Translate an OSError met while `doing` something to `path`. Use: `raise from_os_error(e, path) from e`."""
    if error.errno in _NO_ROOM:
        return DiskFull(
            f"There is no room left to {doing} {path}.",
            remedy="Free some space on that disk, or choose another place, and try again. Nothing was lost.",
        )
    if isinstance(error, FileNotFoundError):
        return FileTrouble(f"{path} does not exist.", remedy="Check the path.")
    if isinstance(error, PermissionError):
        return FileTrouble(f"There is no permission to {doing} {path}.", remedy="Choose another place, or change it.")
    reason = error.strerror or type(error).__name__
    return FileTrouble(f"Could not {doing} {path}: {reason}.", remedy="Check the path and the disk, then try again.")
