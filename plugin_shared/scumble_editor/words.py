"""The words both plugins say: translation, errors in plain words, names of layers, how long it still takes.

Texts stand in English in the code and pass through `tr`. A plugin installs a translation once, at its start, with
`use_translation`; `load_ts` reads Qt Linguist's own source format (`.ts`), so that nothing has to be compiled.
"""

from __future__ import annotations

import traceback
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from scumble_wire.errors import (
    AuthenticationFailed,
    BackendNotStarted,
    ConnectionFailed,
    ConnectionLost,
    ScumbleError,
    TimedOut,
    WrongProtocol,
)
from scumble_wire.messages import Failed, PackInfo

_table: dict[str, str] = {}


def use_translation(table: Mapping[str, str]) -> None:
    """Replace the table English -> other language that `tr` looks into; an empty one means English."""
    _table.clear()
    _table.update(table)


def tr(text: str, **values: object) -> str:
    """The text in the user's language, its {names} filled in."""
    text = _table.get(text, text)
    return text.format(**values) if values else text


def load_ts(path: Path) -> dict[str, str]:
    """Read a Qt Linguist source file. Unfinished and obsolete entries are left out. Raises OSError, ParseError."""
    table: dict[str, str] = {}
    for message in ElementTree.parse(path).getroot().iter("message"):
        source, translation = message.findtext("source"), message.find("translation")
        if source and translation is not None and translation.text and not translation.get("type"):
            table[source] = translation.text
    return table


@dataclass(frozen=True)
class Problem:
    """An error as a person sees it: what happened, what to do; never a traceback. detail: for a bug report."""

    headline: str
    remedy: str
    code: str
    detail: str = ""

    @property
    def text(self) -> str:
        return f"{self.headline} {self.remedy}".strip()


BUG = "bug"  # code of whatever is our own mistake

#: Errors whose own message says less to a person than these words; of all others the message itself is shown.
HEADLINES = {
    ConnectionFailed.code: "Scumble's backend can't be reached.",
    ConnectionLost.code: "The connection to Scumble's backend was lost. Nothing was changed.",
    BackendNotStarted.code: "Scumble's backend could not be started.",
    WrongProtocol.code: "Plugin and backend are of different versions.",
    AuthenticationFailed.code: "The backend did not accept this plugin.",
    TimedOut.code: "The backend does not answer.",
    BUG: "Something went wrong inside the plugin. The layer was not changed.",
}


def explain(error: BaseException) -> Problem:
    """Any exception in words. One that is not a `ScumbleError` is our own mistake and is called so."""
    if isinstance(error, ScumbleError):
        return _problem(error.code, error.message, error.remedy)
    detail = f"{type(error).__name__}: {error}".rstrip(": ")
    for frame in traceback.extract_tb(error.__traceback__)[-1:]:
        detail += f" ({PurePath(frame.filename).name}, line {frame.lineno})"
    return Problem(tr(HEADLINES[BUG]), tr("Please report it with a diagnosis."), BUG, detail)


def problem_of(failed: Failed) -> Problem:
    """The backend's `Failed` in words."""
    return _problem(failed.code, failed.message, failed.remedy)


def twice_lost(error: ConnectionLost) -> Problem:
    """The second backend in a row has gone while it worked on the same job."""
    remedy = tr("It happened twice with this job. Try a smaller picture; the backend's log may tell more.")
    return Problem(tr(HEADLINES[error.code]), remedy, error.code, error.message)


def without_another(error: Exception) -> Problem:
    """The backend has gone while it worked on a job, and no other could be started."""
    lost, found = ConnectionLost.code, explain(error)
    return Problem(tr(HEADLINES[lost]), found.text, lost, found.detail)


def _problem(code: str, message: str, remedy: str) -> Problem:
    return Problem(tr(HEADLINES.get(code, message)), tr(remedy), code, message)


def number_text(value: float, digits: int = 1) -> str:
    """A number with at most so many places, with the decimal sign of the user's language: "1.5", "2"."""
    text = f"{value:.{digits}f}"
    return (text.rstrip("0").rstrip(".") if digits else text).replace(".", tr("."))


STAGES = {
    "waiting": "Waiting",
    "loading": "Loading the network",
    "painting": "Painting",
    "enlarging": "Enlarging",
    "choosing": "Comparing with other styles",
    "training": "Learning",
    "measuring": "Measuring",
    "writing": "Finishing",
    "paused": "Paused",
}
STATES = {
    "waiting": "Waiting",
    "running": "Working",
    "paused": "Paused",
    "done": "Done",
    "cancelled": "Cancelled",
    "failed": "Failed",
}


def remaining_text(seconds: float | None) -> str:
    """ "about 5 min left"; empty where it is not known."""
    if seconds is None:
        return ""
    if seconds < 1.5:
        return tr("a moment left")
    if seconds < 90:
        return tr("about {n} s left", n=round(seconds))
    if seconds < 90 * 60:
        return tr("about {n} min left", n=round(seconds / 60))
    return tr("about {n} h left", n=number_text(seconds / 3600))


def took_text(seconds: float) -> str:
    """ "took 5 min here": a training that was measured on this machine."""
    if seconds < 90:
        return tr("took {n} s here", n=round(seconds))
    if seconds < 90 * 60:
        return tr("took {n} min here", n=round(seconds / 60))
    return tr("took {n} h here", n=number_text(seconds / 3600))


def progress_text(stage: str, fraction: float, remaining_s: float | None) -> str:
    """ "Painting, 40 %, about 12 s left"."""
    parts = [tr(STAGES.get(stage, stage))] if stage else []
    if 0 < fraction < 1:
        parts.append(f"{fraction:.0%}".replace("%", " %"))
    left = remaining_text(remaining_s)
    return ", ".join([*parts, left] if left else parts)


def style_layer_name(styles: Sequence[tuple[str, float]], strength: float = 1.0) -> str:
    """Name of a painted layer: "Great Wave", "Great Wave (60 %)", "Great Wave + Skies 30 %".

    styles: title and share of each; a share of 0 is not told.
    """
    further = [f"{title} {share:.0%}".replace("%", " %") if share > 0 else title for title, share in styles[1:]]
    name = " + ".join([styles[0][0], *further])
    return name if strength >= 0.995 else f"{name} ({round(strength * 100)} %)"


def upscaled_name(source: str, factor: float) -> str:
    """Name of an enlarged layer or document: "Ink x2"."""
    if factor == 1:
        return tr("{name}, cleaned up", name=source)
    return f"{source} ×{factor:g}"


def free_name(name: str, taken: Iterable[str]) -> str:
    """The name, with a number where it is taken: "Great Wave", "Great Wave 2", ..."""
    used = set(taken)
    if name not in used:
        return name
    number = 2
    while f"{name} {number}" in used:
        number += 1
    return f"{name} {number}"


#: Tags of the packs that ship -> their names in English.
TAGS = {
    "Japan": "Japan",
    "abstract": "abstract",
    "black and white": "black and white",
    "bright": "bright",
    "colorful": "colorful",
    "cubism": "cubism",
    "curves": "curves",
    "dark": "dark",
    "dots": "dots",
    "engraving": "engraving",
    "expressionism": "expressionism",
    "figures": "figures",
    "gold": "gold",
    "impressionism": "impressionism",
    "landscape": "landscape",
    "lines": "lines",
    "night": "night",
    "oil": "oil",
    "ornament": "ornament",
    "pastel": "pastel",
    "pattern": "pattern",
    "portrait": "portrait",
    "sea": "sea",
    "town": "town",
    "warm": "warm",
    "woodcut": "woodcut",
}


def tags_of(pack: PackInfo) -> list[str]:
    """In the user's language, as far as they are known."""
    return [tr(TAGS.get(tag, tag)) for tag in pack.tags]


#: Descriptions of the packs that ship; a pack from elsewhere is shown in its author's words.
DESCRIPTIONS = {
    "faithful": "Enlarges with the least error: invents nothing, sharpens what is there.",
    "faithful-x2": "Enlarges with the least error; the model `faithful` takes it for small factors.",
    "fast": "About a quarter of the work of Faithful, and a little softer.",
    "lineart": "Enlarges drawings, lettering, flat color and brushwork with clean edges.",
    "vivid": "Looks sharper than it knows: texture is made up. Forgives blur, noise and JPEG.",
}


def description_of(pack: PackInfo) -> str:
    """In the user's language, where the pack ships with Scumble; empty where it has none."""
    return tr(pack.description) if pack.description == DESCRIPTIONS.get(pack.id) else pack.description


def about(pack: PackInfo) -> str:
    """Some lines on a pack: title, painting, description, tags, authors."""
    lines = [pack.title, pack.painting, description_of(pack), ", ".join(tags_of(pack))]
    if pack.authors:
        lines.append(tr("By {authors}", authors=", ".join(pack.authors)))
    return "\n".join(line for line in lines if line)
