"""Every message that crosses the wire: one frozen dataclass each, units beside the fields.

A message travels as a *header* (a msgpack map, see `codec.py`) and, after it, raw frames. A field that ends in
`_frame` or is documented as a frame index counts those raw frames from 0. `PROTOCOL.md` tells the same in prose; a
test compares the two. What messages are made of stands in `values.py` and can be had from here, too.

Checks of a single field stand in `__post_init__` and raise ValueError with a plain sentence; `codec.decode` turns
that into `MalformedMessage`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from .values import BYTES_PER_SAMPLE as BYTES_PER_SAMPLE
from .values import CHANNELS as CHANNELS
from .values import LARGEST_FACTOR as LARGEST_FACTOR
from .values import MAX_PIXELS as MAX_PIXELS
from .values import MAX_SIDE as MAX_SIDE
from .values import Colors as Colors
from .values import Depth as Depth
from .values import ImageInfo as ImageInfo
from .values import JobInfo as JobInfo
from .values import JobKind as JobKind
from .values import JobState as JobState
from .values import Order as Order
from .values import PackInfo as PackInfo
from .values import Priority as Priority
from .values import Quality as Quality
from .values import Region as Region
from .values import StyleChoice as StyleChoice
from .values import Transfer as Transfer
from .values import check, check_unit

PROTOCOL_VERSION = 1

# --- client to backend -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hello:
    """The first message of every connection. Answered by Welcome, at once."""

    client: str  # "krita", "gimp", "cli", ...
    client_version: str
    protocol: int = field(default=PROTOCOL_VERSION, metadata={"always_sent": True})


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """Renews the client's lease; any other message does so too. Answered by Alive."""


@dataclass(frozen=True, slots=True)
class Goodbye:
    """Ends the lease: the client's jobs stop, except training. Not answered."""


@dataclass(frozen=True, slots=True)
class Stylize:
    """Paint an image in one style or a mix. Accepted, then Progress, then ImageResult."""

    image: ImageInfo
    styles: list[StyleChoice]
    strength: float = 1.0  # 0: the layer, 1: the style
    stroke_scale: float = 1.0  # size of the brush marks; 1: as on a picture of one megapixel; 0.25 .. 4
    absolute_strokes: bool = False  # stroke_scale counts pixels instead: 1 is the size that the style learned
    picture_pixels: int = 0  # of the whole picture that the image is a part or a small copy of; 0: it is the whole
    scale: float = 1.0  # pixels of the image per pixel of the picture, along a side; below 1: a small copy
    boldness: float = 0.0  # -1: faithful to the picture's forms, 0: as learned, 1: bold; see PackInfo.boldness
    colors: Colors = (
        "style"  # the style's; the "picture"'s; "matched" to its palette; the painting's "palette"; "only" it
    )
    seed: int = 0  # of the grain; the same seed gives the same picture
    anchor_frames: list[int] = field(
        default_factory=list
    )  # pictures whose statistics count instead of the image's own
    anchor_weights: list[float] = field(default_factory=list)  # how much each of them counts; relative, over 0
    neighbor_frames: list[int] = field(
        default_factory=list
    )  # frames around it, whose noise is shared; with them, anchors of another shot do not count
    priority: Priority = "apply"
    title: str = ""  # for the list of jobs

    def __post_init__(self) -> None:
        check(len(self.styles) >= 1, "a style is needed.")
        check(sum(style.weight for style in self.styles) > 0, "the weights of the styles add up to 0.")
        check_unit(self.strength, "strength")
        check(
            math.isfinite(self.stroke_scale) and 0.25 <= self.stroke_scale <= 4,
            f"stroke scale must be between 0.25 and 4, not {self.stroke_scale}.",
        )
        check(
            math.isfinite(self.boldness) and -1 <= self.boldness <= 1,
            f"boldness must be between -1 and 1, not {self.boldness}.",
        )
        check(0 <= self.picture_pixels <= MAX_PIXELS, f"a picture can't have {self.picture_pixels} pixels.")
        check(math.isfinite(self.scale) and 0 < self.scale <= 16, f"scale must be over 0, not {self.scale}.")
        check(len(self.anchor_frames) == len(self.anchor_weights) <= 16, "at most 16 anchors, each with its weight.")
        check(len(self.neighbor_frames) <= 16, "at most 16 neighbors.")
        check(
            all(frame >= 0 for frame in (*self.anchor_frames, *self.neighbor_frames)),
            "a frame index can't be negative.",
        )
        check(
            all(math.isfinite(weight) and weight > 0 for weight in self.anchor_weights),
            "the weight of an anchor must be over 0.",
        )
        check(self.colors in ("style", "picture", "matched", "palette", "only"), f"unknown colors {self.colors!r}.")
        check(self.priority in ("preview", "apply", "batch"), f"unknown priority {self.priority!r}.")


@dataclass(frozen=True, slots=True)
class Upscale:
    """Enlarge an image. Accepted, then Progress, then ImageResult."""

    image: ImageInfo
    factor: float  # 1 .. 16; 1: cleaned up, not enlarged
    model: str = "faithful"  # pack id of kind "upscale", or "bicubic"
    vivid: float = 0.0  # share of the model "vivid" in the result; 0: the model alone, 1: vivid alone
    grain: float = 0.0  # how much comes back of what the networks smooth away; 0 .. 1
    best: bool = False  # mean of eight passes, turned and mirrored: a little better, eight times the work
    priority: Priority = "apply"
    title: str = ""

    def __post_init__(self) -> None:
        check(
            math.isfinite(self.factor) and 1 <= self.factor <= LARGEST_FACTOR,
            f"the factor must be between 1 and 16, not {self.factor}.",
        )
        check(bool(self.model), "a model is needed.")
        check_unit(self.vivid, "vivid")
        check_unit(self.grain, "grain")
        check(self.priority in ("preview", "apply", "batch"), f"unknown priority {self.priority!r}.")


@dataclass(frozen=True, slots=True)
class Copy:
    """Send the image back unchanged through the worker: measures the road, not the network."""

    image: ImageInfo
    priority: Priority = "apply"
    title: str = ""


@dataclass(frozen=True, slots=True)
class Train:
    """Learn a style from one picture, in a process of its own. Accepted, Progress, TrainPreview ..., Trained.

    The job goes on when the client leaves; any client can Watch, Pause, Resume or Cancel it.
    """

    image: ImageInfo  # the reference picture
    name: str  # title of the new pack
    quality: Quality = "standard"
    strength: float = 1.0  # of the style loss against the content loss; 1: the recipe's own
    photos: str = ""  # folder or zip on the backend's machine; empty: its own choice
    recipe: str = ""  # name or path of a recipe; empty: by quality
    title: str = ""
    shown: ImageInfo | None = None  # a picture that previews show painted, before others

    def __post_init__(self) -> None:
        check(bool(self.name.strip()), "the new style needs a name.")
        check(self.quality in ("quick", "standard", "full"), f"unknown quality {self.quality!r}.")
        check(math.isfinite(self.strength) and 0 < self.strength <= 16, "strength must be between 0 and 16.")


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop a job. Answered by Done at once; the job's own stream ends with Cancelled."""

    job: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Pause a training job (its checkpoint is written). Answered by Done."""

    job: str


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on with a paused, interrupted or failed training job. Answered by Done."""

    job: str


@dataclass(frozen=True, slots=True)
class Watch:
    """Receive the stream of a job that this client did not submit (training). Accepted, then its stream."""

    job: str


@dataclass(frozen=True, slots=True)
class ListJobs:
    """Answered by Jobs."""


@dataclass(frozen=True, slots=True)
class ListPacks:
    """Answered by Packs."""

    kind: str = ""  # "style" (affine and network), "upscale" or "" for all


@dataclass(frozen=True, slots=True)
class GetThumbnail:
    """Answered by Thumbnail."""

    pack: str
    side: int = 128  # pixels; the picture fits into a square of this side
    painting: bool = False  # True: the painting that the style was learned from, where the pack carries it


@dataclass(frozen=True, slots=True)
class InspectPack:
    """Look into a pack file without installing it. Answered by PackDetails."""

    path: str = ""  # on the backend's machine; empty: frame 0 holds the file
    file_name: str = ""  # shown in messages when the file travels as a frame


@dataclass(frozen=True, slots=True)
class InstallPack:
    """Install a pack from a path, an https address or frame 0. Answered by PackDetails."""

    path: str = ""
    file_name: str = ""
    title: str = ""  # asked for when a foreign network is imported
    license: str = ""  # the same
    trust_changed_key: bool = False  # go on although the author's key is not the one known


@dataclass(frozen=True, slots=True)
class RemovePack:
    """Answered by Done."""

    pack: str


@dataclass(frozen=True, slots=True)
class GetStatus:
    """Answered by Status."""


@dataclass(frozen=True, slots=True)
class Configure:
    """Change and keep settings; None leaves one as it is. Answered by Status."""

    device: str | None = None  # "auto", "cpu", "cuda", "cuda:1", "mps", "xpu", or several: "cuda:0,cuda:1"
    memory_budget_mb: int | None = None  # for networks kept on the device; 0: no limit of ours
    idle_release_s: float | None = None  # seconds without a job after which the device's memory is freed; 0: never
    loss_network: str | None = None  # file or folder with the loss networks' weights
    photos: str | None = None  # folder or zip of photos for training


@dataclass(frozen=True, slots=True)
class Shutdown:
    """Stop the backend: jobs are cancelled, training is paused. Answered by Done, then the backend leaves."""


# --- backend to client -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Welcome:
    backend_version: str
    protocol: int
    lease_s: float  # seconds of silence after which the client counts as gone; renew at a third of it
    pid: int


@dataclass(frozen=True, slots=True)
class Alive:
    """Answers KeepAlive."""


@dataclass(frozen=True, slots=True)
class Done:
    """The asked-for thing has been done (or, for Cancel, is under way)."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The job stands in the queue."""

    job: str  # unique in this backend
    position: int  # jobs before it


@dataclass(frozen=True, slots=True)
class Progress:
    job: str
    fraction: float  # 0 .. 1, never falls
    stage: str  # "waiting", "loading", "painting", "enlarging", "training", "writing", "paused"
    remaining_s: float | None = None  # seconds


@dataclass(frozen=True, slots=True)
class ImageResult:
    """The finished picture; it has the depth, order and transfer that were sent."""

    job: str
    image: ImageInfo
    device: str  # "cpu", "cuda:0 (NVIDIA ...)"
    seconds: float  # of the job in the worker
    network_seconds: float  # of these, in the network
    note: str = ""  # what was done otherwise than asked, in words; empty: nothing


@dataclass(frozen=True, slots=True)
class TrainPreview:
    """A small picture of what the style can do so far. Frame `image.frame` holds it."""

    job: str
    image: ImageInfo
    step: int
    steps: int
    style_loss: float
    content_loss: float


@dataclass(frozen=True, slots=True)
class Trained:
    """The new style is installed."""

    job: str
    pack: PackInfo
    report: str  # path of the report on the backend's machine
    seconds: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Cancelled:
    job: str
    replaced: bool = False  # True: a newer preview of the same client took its place


@dataclass(frozen=True, slots=True)
class Failed:
    """The answer to a message that can't be answered otherwise, and the end of a job that failed."""

    code: str  # stable: see errors.py
    message: str  # one sentence: what happened
    remedy: str  # one sentence: what to do
    job: str = ""


@dataclass(frozen=True, slots=True)
class Jobs:
    jobs: list[JobInfo]


@dataclass(frozen=True, slots=True)
class Packs:
    packs: list[PackInfo]
    revision: int  # changes whenever a pack comes or goes


@dataclass(frozen=True, slots=True)
class PacksChanged:
    """Sent unasked (request 0) to every client when a pack came or went."""

    revision: int


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """Frame `image.frame` holds RGB u8."""

    pack: str
    image: ImageInfo
    painting: bool = False  # whether it is the painting


@dataclass(frozen=True, slots=True)
class PackDetails:
    """A pack file looked into or installed. Frame `thumbnail.frame` holds its picture where there is one."""

    pack: PackInfo
    size_bytes: int
    installed: bool
    replaces: str = ""  # version that is installed now; empty: none
    warning: str = ""  # "The author's key has changed ...", in words
    needs: str = ""  # what has to be asked before installing: "", or "title,license"
    thumbnail: ImageInfo | None = None


@dataclass(frozen=True, slots=True)
class Status:
    backend_version: str
    protocol: int
    pid: int
    uptime_s: float
    device: str  # "" while torch still loads
    device_setting: str
    memory_budget_mb: int
    idle_release_s: float
    loaded_networks: list[str]
    device_memory_mb: float  # in use by us
    jobs_waiting: int
    jobs_running: int
    clients: int
    log_file: str
    packs_folder: str
    loss_network: str  # where training finds it; empty: not found
    photos: str
    versions: dict[str, str]  # "python", "torch", ...


ClientMessage = (
    Hello | KeepAlive | Goodbye | Stylize | Upscale | Copy | Train | Cancel | Pause | Resume | Watch | ListJobs
    | ListPacks | GetThumbnail | InspectPack | InstallPack | RemovePack | GetStatus | Configure | Shutdown
)  # fmt: skip
BackendMessage = (
    Welcome | Alive | Done | Accepted | Progress | ImageResult | TrainPreview | Trained | Cancelled | Failed | Jobs
    | Packs | PacksChanged | Thumbnail | PackDetails | Status
)  # fmt: skip
Message = ClientMessage | BackendMessage

#: The last message of a job's stream.
FINAL = (ImageResult, Trained, Cancelled, Failed)
