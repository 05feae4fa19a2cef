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
    """A network gave something that is not a picture: NaN weights, or a network for something else."""

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
    """The file is not a pack, or its contents do not match their checksums."""

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


class DownloadFailed(PackError):
    """A pack could not be fetched from its address."""

    code = "download_failed"


class ManifestWrong(PackDamaged):
    """manifest.json does not say what docs/pack-format.md asks for."""

    code = "manifest_wrong"


class WeightsWrong(PackDamaged):
    """Tensors are missing, superfluous, of a wrong shape or type, or not finite."""

    code = "weights_wrong"


class PackUnsupported(PackError):
    """A kind or architecture that this Scumble does not know."""

    code = "pack_unsupported"


class SignatureWrong(PackUntrusted):
    """There is a signature, and it does not fit the pack."""

    code = "signature_wrong"


class KeyChanged(PackUntrusted):
    """The pack isn't from whom it seems to be from: another key than before, or none. A person may allow it."""

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


# --- batches ---------------------------------------------------------------------------------------------


class BatchError(BackendError):
    """Something about a batch as a whole; the base of this part of the tree."""

    code = "batch_error"


class BatchBusy(BatchError):
    """Another batch works in the same output folder."""

    code = "batch_busy"


class OptionsChanged(BatchError):
    """The output folder holds results of this batch that were made with other options."""

    code = "options_changed"


class NameTaken(BatchError):
    """A result can't get its name: another one has it, or a file that no batch made."""

    code = "name_taken"


class ClusterMissing(BatchError):
    """A cluster was asked for, and Ray isn't installed."""

    code = "cluster_missing"


class ClusterLost(BatchError):
    """The cluster can't be reached, or no longer."""

    code = "cluster_lost"


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


class NoSocket(BackendError):
    """No socket could be opened, so that nobody could connect."""

    code = "no_socket"


class ConfigDamaged(BackendError):
    """The settings file can't be understood."""

    code = "config_damaged"


# --- training --------------------------------------------------------------------------------------------


class TrainingFailed(BackendError):
    """A training ended without a pack, or can't begin; the base of all that goes wrong there."""

    code = "training_failed"


class TrainingMissing(TrainingFailed):
    """The training package is not installed."""

    code = "training_missing"


class LossNetworkMissing(TrainingFailed):
    """There is no file of the loss network and no permission to download one."""

    code = "loss_network_missing"


class LossNetworkUnusable(TrainingFailed):
    """The weights lack a layer or are not a VGG's."""

    code = "loss_network_unusable"


class RecipeInvalid(TrainingFailed):
    """A recipe can't be read, or one of its values is out of range."""

    code = "recipe_invalid"


class PaintingUnusable(TrainingFailed):
    """The reference picture can't be read or is too small."""

    code = "painting_unusable"


class PhotosUnusable(TrainingFailed):
    """The folder or zip of photos has no readable picture."""

    code = "photos_unusable"


class LossNotFinite(TrainingFailed):
    """The loss became NaN or infinite; the last good checkpoint is kept."""

    code = "loss_not_finite"


class CheckpointUnusable(TrainingFailed):
    """A checkpoint is damaged, or belongs to another recipe."""

    code = "checkpoint_unusable"


class JobUnreadable(TrainingFailed):
    """job.json of a training is missing or says nothing sensible."""

    code = "job_unreadable"


class RunBusy(TrainingFailed):
    """Another process works on the same training."""

    code = "run_busy"


class TensorboardMissing(TrainingFailed):
    """Logging to TensorBoard was asked for, and its package is not installed."""

    code = "tensorboard_missing"


class LpipsMissing(TrainingFailed):
    """LPIPS was asked for, and its package or its weights are not at hand."""

    code = "lpips_missing"


# --- the system's errors ---------------------------------------------------------------------------------

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG} if hasattr(errno, "EDQUOT") else {errno.ENOSPC, errno.EFBIG}


def from_os_error(error: OSError, path: Path | str, doing: str = "write") -> BackendError:
    """Translate an OSError met while `doing` something to `path`. Use: `raise from_os_error(e, path) from e`."""
    if error.errno in _NO_ROOM:
        return DiskFull(
            f"There is no room left to {doing} {path}.",
            remedy="Free some space on that disk, or choose another place, and try again. Nothing was lost.",
        )
    if isinstance(error, FileNotFoundError):
        return file_missing(path)
    if isinstance(error, PermissionError):
        return FileTrouble(f"There is no permission to {doing} {path}.", remedy="Choose another place, or change it.")
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return FileTrouble(
            f"Could not {doing} {path}: too many files and connections are open.",
            remedy="Close programs that hold connections to Scumble, then try again.",
        )
    reason = error.strerror or type(error).__name__
    return FileTrouble(f"Could not {doing} {path}: {reason}.", remedy="Check the path and the disk, then try again.")


def file_missing(path: Path | str) -> FileTrouble:
    """The error for a file or folder that isn't there."""
    return FileTrouble(f"{path} does not exist.", remedy="Check the path.")
