"""What can go wrong in training, each with its remedy."""

from __future__ import annotations

from scumble_wire.errors import ScumbleError


class TrainingError(ScumbleError):
    code = "training_failed"


class LossNetworkMissing(TrainingError):
    """No file and no permission to download."""

    code = "loss_network_missing"


class LossNetworkUnusable(TrainingError):
    """The weights lack a layer or are no VGG."""

    code = "loss_network_unusable"


class RecipeInvalid(TrainingError):
    code = "recipe_invalid"


class PaintingUnusable(TrainingError):
    """The reference picture can't be read or is too small."""

    code = "painting_unusable"


class PhotosUnusable(TrainingError):
    """The folder or zip of photos has no readable picture."""

    code = "photos_unusable"


class LossNotFinite(TrainingError):
    """The loss became NaN or infinite; the last good checkpoint is kept."""

    code = "loss_not_finite"


class OutOfMemory(TrainingError):
    code = "out_of_memory"


class CheckpointUnusable(TrainingError):
    code = "checkpoint_unusable"


class DiskFull(TrainingError):
    code = "disk_full"


class TensorboardMissing(TrainingError):
    """Logging to TensorBoard was asked for, and its package is not installed."""

    code = "tensorboard_missing"


class LpipsMissing(TrainingError):
    """LPIPS was asked for, and its package or its weights are not at hand."""

    code = "lpips_missing"


class JobUnreadable(TrainingError):
    """job.json of a training is missing or says nothing sensible."""

    code = "job_unreadable"
