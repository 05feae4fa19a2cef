"""The planner: facts and wishes in, a list of steps out. Pure: it asks nothing and touches nothing."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from . import pythons, torch_builds
from .errors import InstallError
from .facts import Editor, Facts
from .torch_builds import TorchBuild

OLDEST_KRITA = (5, 2)
OLDEST_GIMP = (3, 0)

DEVICES = {"cuda": "CUDA", "rocm": "ROCm", "xpu": "Intel's XPU", "mps": "Metal", "cpu": "the CPU"}

#: Free space to keep beside what is installed: megabytes.
SPARE_MB = 500


@dataclass(frozen=True)
class Wishes:
    """What the person asked for."""

    device: str = "auto"  # "auto", "cuda", "rocm", "xpu", "mps", "cpu"
    editors: tuple[str, ...] = ()  # "krita", "gimp", "krita-flatpak", ...; () for all; ("none",) for none
    service: bool = False
    offline: str = ""  # folder of wheels
    offline_build: str = ""  # the torch build that those wheels are of


@dataclass(frozen=True)
class Step:
    """One thing to do. `details` holds what the runner needs, as JSON knows it."""

    kind: str
    title: str
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    steps: tuple[Step, ...]
    notes: tuple[str, ...]  # what the person should know before
    ending: tuple[str, ...]  # where to click, afterwards
    download_mb: int
    disk_mb: int

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    def of_kind(self, kind: str) -> list[Step]:
        return [step for step in self.steps if step.kind == kind]


def install(
    facts: Facts,
    wishes: Wishes,
    version: str,
    *,
    environment_there: bool = False,
    missing: dict[str, str] | None = None,
) -> Plan:
    """Set everything up.

    version: name of the folder for this version. environment_there: it needs no download. missing: builds of PyTorch
    that can't be had now, with the reason; the sizes told are those of the first one that can.

    Raises InstallError when the machine can't do it, with what to do about that.
    """
    python = pythons.choose(list(facts.pythons), facts.uv)
    choice = torch_builds.choose(facts, wishes.device)
    builds = choice.builds
    if wishes.offline:
        builds = tuple(build for build in builds if build.name == wishes.offline_build) or (
            dataclasses.replace(torch_builds.DEFAULT, name=wishes.offline_build or "default", download_mb=0),
        )
    missing = missing or {}
    offered = tuple(build for build in builds if build.name not in missing)
    if not offered:
        raise InstallError(*torch_builds.NONE_REACHED)
    first = offered[0]
    download = 0 if environment_there or wishes.offline else first.download_mb
    disk = 50 if environment_there else first.disk_mb + 50
    if facts.free_mb < disk + SPARE_MB:
        raise InstallError(
            f"{disk} MB are needed and {facts.free_mb} MB are free where the environment goes.",
            "Make room, or name a folder on another disk with --prefix FOLDER.",
        )
    chosen, notes = _editors(facts, wishes)
    notes = [*choice.warnings, *_passed_over(builds, first, missing), *notes]
    steps = [
        Step(
            "environment",
            f"Private environment: Python {python.short}, PyTorch for {DEVICES[choice.device]} ({choice.reason})",
            {"python": dataclasses.asdict(python), "builds": [dataclasses.asdict(build) for build in offered],
             "uv": facts.uv, "offline": wishes.offline},
        ),
        Step("version", f"The backend, the packs and the plugins ({version})", {"version": version}),
        Step("self_test", "Self-test: paint a picture through the backend", {"version": version}),
        Step(
            "activate",
            "Tell the plugins where the backend is",
            {"version": version, "device": choice.device, "device_asked": wishes.device,
             "editors": list(wishes.editors), "service": wishes.service},
        ),
        Step("launcher", "The scumble command", {"version": version, "system": facts.system}),
    ]  # fmt: skip
    steps += _plugin_steps(facts, chosen, version)
    sandboxed = sorted({editor.title for editor in chosen if editor.kind in ("flatpak", "snap")})
    if wishes.service or (sandboxed and facts.system == "linux"):
        why = "" if wishes.service else f": {', '.join(sandboxed)} can't start programs outside the sandbox"
        title = "Start the backend at log-in" + why
        steps.append(Step("service", title, {"version": version, "system": facts.system}))
    return Plan(tuple(steps), tuple(notes), tuple(_ending(chosen)), download, disk)


def _passed_over(builds: tuple[TorchBuild, ...], taken: TorchBuild, missing: dict[str, str]) -> list[str]:
    """Why it isn't the build that fits best, and what that costs."""
    best = builds[0]
    if best.name not in missing:
        return []
    if taken.device == best.device:
        return [f"PyTorch's build {best.name} can't be had ({missing[best.name]}); {taken.name} does the same."]
    larger = "; it runs on the CPU, too, but is much larger" if best.device == "CPU" else ""
    return [
        f"PyTorch's build for {best.device} can't be had ({missing[best.name]}). The one for {taken.device} is taken "
        f"instead{larger}."
    ]


# --- editors ---------------------------------------------------------------------------------------------


def _editors(facts: Facts, wishes: Wishes) -> tuple[list[Editor], list[str]]:
    """The editors to put plugins into, and what to say about the others."""
    notes = []
    chosen = []
    if wishes.editors == ("none",):
        return [], []
    for editor in facts.editors:
        if wishes.editors and not _asked_for(editor, wishes.editors):
            continue
        problem = too_old(editor)
        if problem:
            notes.append(problem)
        else:
            chosen.append(editor)
    for word in wishes.editors:
        if "=" not in word and not any(_asked_for(editor, (word,)) for editor in facts.editors):
            raise InstallError(
                f"No {word} was found on this machine.",
                "Name its folder, such as --editors krita=FOLDER (resource folder) or gimp=FOLDER (settings folder).",
            )
    if not facts.editors and not wishes.editors:
        notes.append("Neither Krita nor GIMP was found; the scumble command works all the same.")
    return chosen, notes


def _asked_for(editor: Editor, words: tuple[str, ...]) -> bool:
    names = {editor.program, f"{editor.program}-{editor.kind}"}
    if editor.kind == "portable":
        names |= {word for word in words if word.startswith(editor.program + "=")}
    return bool(names & set(words))


def too_old(editor: Editor) -> str:
    """Why the plugin can't work in this editor, in words; "" if it can."""
    if not editor.numbers:
        return ""
    if editor.program == "krita" and editor.numbers[:2] < OLDEST_KRITA:
        return f"{editor.title} is too old: Scumble needs Krita 5.2 or newer. It gets no plugin."
    if editor.program == "gimp" and editor.numbers[:2] < OLDEST_GIMP and editor.numbers[:2] != (2, 99):
        return f"{editor.title} is too old: Scumble needs GIMP 3.0 or newer. It gets no plugin."
    return ""


def _plugin_steps(facts: Facts, chosen: list[Editor], version: str) -> list[Step]:
    """One set of steps for each folder, however many editors read it."""
    steps = []
    seen = set()
    for editor in chosen:
        if editor.plugins in seen:
            continue
        seen.add(editor.plugins)
        sharing = [other.title for other in chosen if other.plugins == editor.plugins]
        where = {"version": version, "program": editor.program}
        where.update(plugins=editor.plugins, settings=editor.settings)
        if editor.settings in facts.taking_over:
            title = f"{editor.title}: a first start, so that it takes over your older settings"
            steps.append(Step("gimp_first_start", title, {**where, "command": editor.command, "editor": editor.kind}))
        steps.append(Step("plugin", f"The plugin for {' and '.join(sharing)}", where))
        if editor.program == "krita":
            steps.append(Step("krita_enable", f"Enable it in {editor.title}", where))
    return steps


def _ending(chosen: list[Editor]) -> list[str]:
    lines = []
    if any(editor.program == "krita" for editor in chosen):
        lines.append("Krita: start it (again), then Settings > Dockers > Scumble.")
    if any(editor.program == "gimp" for editor in chosen):
        lines.append("GIMP: start it (again), open an image, then Filters > Scumble > Stylize.")
    lines.append("Command line: scumble style PHOTO -o OUT --pack great-wave")
    return lines


def describe(facts: Facts) -> list[str]:
    """What was found, in a few lines."""
    usable = [python for python in facts.pythons if not python.why_not()]
    gpu_words = [f"{gpu.name}{f', driver {gpu.driver}' if _is_number(gpu.driver) else ''}" for gpu in facts.gpus]
    lines = [
        f"System:  {facts.system_version} ({facts.machine}), {facts.free_mb / 1000:.0f} GB free",
        f"Python:  {usable[0].short + ' at ' + usable[0].path if usable else 'none that fits'}"
        + (f"; uv at {facts.uv}" if facts.uv else ""),
        f"GPU:     {'; '.join(gpu_words) or 'none that answers'}",
    ]
    for program in ("krita", "gimp"):
        found = [editor for editor in facts.editors if editor.program == program]
        name = {"krita": "Krita:", "gimp": "GIMP:"}[program]
        text = "; ".join(f"{editor.title}, plugins in {PurePath(editor.plugins)}" for editor in found)
        lines.append(f"{name:8} {text or 'not found'}")
    return lines


def _is_number(text: str) -> bool:
    return bool(re.match(r"\d", text))
