"""`install.py doctor`: find what is wrong, explain it, and mend it on request.

Looking (`observe`) and judging (`diagnose`, pure) are apart; mending removes what is damaged and then runs the
installer's own plan, whose steps are idempotent.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from . import actions, commands, environment, places, plan, symptoms, torch_builds, try_it
from .console import Console
from .errors import InstallError
from .facts import Facts
from .places import Places
from .symptoms import Observed, PluginState

#: Below this nothing works reliably: megabytes.
LEAST_FREE_MB = 300


@dataclass(frozen=True)
class Fault:
    code: str  # stable, for programs
    what: str  # what is wrong
    why: str  # what that means, how it may have come
    repair: str  # what --repair does about it; "" when only the person can
    remove: tuple[str, ...] = ()  # damaged or left over: removed when repairing
    reinstall: bool = False  # the installer's plan mends it


#: Where docs/troubleshooting.md tells more about a fault, by its code: a heading there.
PAGE = "docs/troubleshooting.md"
HEADINGS = {
    "plugin_missing": "krita-has-no-scumble-docker",
    "plugin_disabled": "krita-has-no-scumble-docker",
    "plugin_not_executable": "gimp-has-no-filters-scumble",
    "editor_updated": "gimp-has-no-filters-scumble",
    "editor_too_old": "gimp-has-no-filters-scumble",
    "plugin_differs": "plugin-and-backend-are-of-different-versions",
    "service_outdated": "plugin-and-backend-are-of-different-versions",
    "wrong_torch": "the-graphics-card-isnt-used",
    "gpu_not_seen": "the-graphics-card-isnt-used",
    "disk_full": "the-installation-stops",
    "leftovers": "the-installation-stops",
    "packs_damaged": "a-pack-isnt-installed",
    "own_packs_damaged": "a-pack-isnt-installed",
    "command_missing": "the-scumble-command-isnt-found",
}
_ELSE = "scumbles-backend-cant-be-reached-or-nothing-comes-for-a-long-time"


def more_about(fault: Fault) -> str:
    """The place in the pages that tells more."""
    return f"{PAGE}#{HEADINGS.get(fault.code, _ELSE)}"


def diagnose(seen: Observed, facts: Facts) -> list[Fault]:
    """Every fault, those first that others follow from."""
    faults = []
    if seen.free_mb < LEAST_FREE_MB:
        faults.append(_disk_full(seen))
    if not seen.installed:
        faults.append(
            Fault(
                "not_installed",
                "Scumble isn't installed for this user."
                if seen.never_installed
                else "install.json is missing or damaged.",
                "Nothing of an installation was found where one would lie; with --prefix it may lie elsewhere."
                if seen.never_installed
                else "The plugins can't find the backend without it.",
                "install it" if seen.never_installed else "write it again",
                reinstall=True,
            )
        )
    faults += _backend_faults(seen, facts)
    for state in seen.plugins:
        faults += _plugin_faults(state)
    faults += _connection_faults(seen)
    for variable, wrong in seen.misleading:
        faults.append(
            Fault(
                "variable_misleads",
                f"The environment variable {variable} {wrong}.",
                "Programs that are started with it look there and nowhere else, so they find no backend. Take it out "
                "of your shell's or desktop's settings, or let it name something that exists.",
                "",
            )
        )
    if seen.service_missing:
        faults.append(
            Fault(
                "service_missing",
                f"{', '.join(seen.service_missing)} can't start the backend, and no service does.",
                "A Flatpak may not start programs outside of its sandbox.",
                "let the backend start at log-in",
                reinstall=True,
            )
        )
    if seen.damaged_packs:
        faults.append(
            Fault(
                "own_packs_damaged",
                "A pack that you installed can't be used: " + " ".join(seen.damaged_packs),
                "It isn't offered anywhere. Get it again from its author, or remove the file.",
                "",
            )
        )
    if seen.leftovers:
        names = ", ".join(Path(path).name for path in seen.leftovers)
        faults.append(
            Fault(
                "leftovers",
                f"There are leftovers of interrupted installations: {names}.",
                "They take space and are never used.",
                "remove them",
                remove=seen.leftovers,
            )
        )
    for editor in facts.editors:
        problem = plan.too_old(editor)
        if problem:
            faults.append(Fault("editor_too_old", problem, "Its plugin interface is another one.", ""))
    return faults


def _disk_full(seen: Observed) -> Fault:
    return Fault(
        "disk_full",
        f"The disk is nearly full: {seen.free_mb} MB are free.",
        "Packs can't be installed, training can't write checkpoints, an update would fail. Make room on that disk.",
        "remove leftovers" if seen.leftovers else "",
        remove=seen.leftovers,
    )


def _backend_faults(seen: Observed, facts: Facts) -> list[Fault]:
    faults = []
    if seen.installed and not seen.version_complete:
        faults.append(
            Fault(
                "backend_missing",
                f"The installed version at {seen.version_folder} isn't there or isn't complete.",
                "Somebody removed its files, or a disk isn't mounted.",
                "install it again",
                remove=(seen.version_folder,) if seen.version_folder else (),
                reinstall=True,
            )
        )
    elif seen.installed and seen.import_error:
        damaged = tuple(path for path in (seen.environment, seen.version_folder) if path)
        faults.append(
            Fault(
                "environment_broken",
                f"The backend's private Python doesn't work ({seen.import_error}).",
                "Its files are damaged, or the Python it was made from was updated or removed.",
                "make it again",
                remove=damaged,
                reinstall=True,
            )
        )
    elif seen.installed and seen.packs_error:
        faults.append(
            Fault(
                "packs_damaged",
                f"The packs that ship with Scumble can't be read ({seen.packs_error}).",
                "Files of the installation are damaged or were removed.",
                "install this version again",
                remove=(seen.version_folder,),
                reinstall=True,
            )
        )
    elif seen.installed:
        faults += _torch_faults(seen, facts)
    if seen.installed and seen.launcher_missing:
        faults.append(
            Fault(
                "command_missing",
                "The scumble command is missing or calls another version.",
                "The plugins work without it; terminals don't find it.",
                "write it again",
                reinstall=True,
            )
        )
    if seen.service_outdated:
        faults.append(
            Fault(
                "service_outdated",
                "The service that starts the backend at log-in calls another version.",
                "It was installed by an older Scumble or changed since.",
                "write it again",
                reinstall=True,
            )
        )
    return faults


def _torch_faults(seen: Observed, facts: Facts) -> list[Fault]:
    wanted = torch_builds.choose(facts, seen.device_asked).device
    has = {"cuda": "cuda", "rocm": "cuda", "mps": "mps", "xpu": "xpu", "cpu": "cpu"}[wanted]
    if has in seen.torch_devices:
        return []
    if seen.device != wanted:
        return [
            Fault(
                "wrong_torch",
                f"This machine can compute on {plan.DEVICES[wanted]}, but PyTorch is installed for "
                f"{plan.DEVICES.get(seen.device, seen.device)}.",
                "A GPU or its driver came after Scumble was installed.",
                "install the fitting PyTorch",
                reinstall=True,
            )
        ]
    return [
        Fault(
            "gpu_not_seen",
            f"PyTorch is installed for {plan.DEVICES[wanted]} but sees no such device.",
            "The driver doesn't fit, or another program or a container keeps the GPU away.",
            "make the environment again",
            remove=tuple(path for path in (seen.environment, seen.version_folder) if path),
            reinstall=True,
        )
    ]


def _plugin_faults(state: PluginState) -> list[Fault]:
    if not state.there:
        code = "editor_updated" if state.elsewhere else "plugin_missing"
        why = (
            f"This version looks in another folder than the one before, {state.elsewhere}."
            if state.elsewhere
            else "The editor was installed after Scumble, or its folder was emptied."
        )
        return [Fault(code, f"{state.title} has no Scumble plugin.", why, "put it there", reinstall=True)]
    faults = []
    if not state.current:
        faults.append(
            Fault(
                "plugin_differs",
                f"The plugin in {state.title} isn't the one that was installed.",
                "It is older or newer than the backend, or its files were changed.",
                "put the right one there",
                reinstall=True,
            )
        )
    elif not state.executable:
        faults.append(
            Fault(
                "plugin_not_executable",
                f"{state.title} doesn't see its plugin: the file isn't executable.",
                "Copying over a network folder or a FAT disk loses that mark.",
                "mark it executable",
                reinstall=True,
            )
        )
    if not state.enabled:
        faults.append(
            Fault(
                "plugin_disabled",
                f"The plugin is disabled in {state.title}.",
                "It was switched off in Settings > Configure Krita > Python Plugin Manager, or Krita ran while "
                "Scumble was installed and wrote its old settings back.",
                "enable it (close Krita first)",
                reinstall=True,
            )
        )
    return faults


def _connection_faults(seen: Observed) -> list[Fault]:
    faults = []
    if seen.runtime_problem:
        faults.append(
            Fault(
                "socket_blocked",
                seen.runtime_problem,
                "The backend can't put its socket there, so no editor can reach it.",
                "remove it; the backend makes a new one",
                remove=(seen.runtime_folder,),
            )
        )
    if seen.loopback_error:
        faults.append(
            Fault(
                "port_blocked",
                f"Connections within this machine are refused ({seen.loopback_error}).",
                "A firewall or a security program blocks 127.0.0.1; allow Scumble's Python there.",
                "",
            )
        )
    if seen.stale_endpoint:
        faults.append(
            Fault(
                "stale_endpoint",
                "The endpoint file names a backend that isn't there or doesn't answer.",
                "It was killed, or hangs. Editors notice and start a new one, after a wait.",
                "remove the file",
                remove=(seen.stale_endpoint,),
            )
        )
    return faults


def run(options: commands.Options, console: Console) -> int:
    """Say what is wrong; with --repair mend it and look again. Exit status 0 when nothing is wrong (any more)."""
    here = commands.where(options)
    options = commands.remembered(options, actions.read_install_file(here))
    faults, facts = examine(options, here, console)
    mended: list[Fault] = []
    if options.repair and faults:
        repair(options, here, facts, faults, console)
        mended = faults
        painted = any(fault.remove and fault.reinstall for fault in mended)  # a new version has passed its self-test
        faults, _ = examine(options, here, console, paint=not painted)
    if options.as_json:
        print(json.dumps({"faults": [dataclasses.asdict(fault) for fault in faults],
                          "mended": [fault.code for fault in mended if fault not in faults],
                          "notes": remarks(options, facts)}))  # fmt: skip
    else:
        for fault in faults:
            print(f"{fault.what}\n    {fault.why}")
            print(f"    --repair would: {fault.repair}." if fault.repair else "    Only you can mend this.")
            print(f"    More: {more_about(fault)}")
        for remark in remarks(options, facts):
            print(f"Note: {remark}")
        if not faults:
            print("Everything is all right.")
    return 1 if faults else 0


def remarks(options: commands.Options, facts: Facts) -> list[str]:
    """What keeps a graphics card from being used: no fault of the installation, but what a slow one may come from."""
    if options.device == "cpu":
        return []
    try:
        return list(torch_builds.choose(facts, "auto").warnings)
    except InstallError as error:
        return [str(error)]


def examine(
    options: commands.Options, here: Places, console: Console, *, paint: bool = True
) -> tuple[list[Fault], Facts]:
    """Look and judge; where nothing is wrong, `paint` a picture to be sure."""
    with console.step("Looking") as step:
        facts = commands.facts_for(options, here)
        seen = symptoms.observe(here, facts)
        faults = diagnose(seen, facts)
        if not faults and seen.installed and paint:
            fault = _self_test(Path(seen.version_folder))
            faults += [fault] if fault else []
        step.note = f"{len(faults)} fault{'' if len(faults) == 1 else 's'}"
    return faults, facts


def _self_test(version: Path) -> Fault | None:
    """The last word: does it paint?"""
    try:
        actions.self_test(version, places.source_root() / try_it.SAMPLE)
    except InstallError as error:
        return Fault(
            "self_test_failed",
            "The backend doesn't paint: " + error.message,
            "None of the known causes was found; its log tells more.",
            "install this version again",
            remove=(str(version),),
            reinstall=True,
        )
    return None


def repair(options: commands.Options, here: Places, facts: Facts, faults: list[Fault], console: Console) -> None:
    """Remove what is damaged, then run the installer's plan where a fault needs it. Raises InstallError."""
    with console.step("Mending: " + "; ".join(dict.fromkeys(f.repair for f in faults if f.repair))):
        for path in dict.fromkeys(path for fault in faults for path in fault.remove):
            remove(Path(path))
    if not any(fault.reinstall for fault in faults):
        return
    outdated = any(fault.code in ("service_outdated", "service_missing") for fault in faults)
    again = dataclasses.replace(options, service=options.service or outdated, yes=True, as_json=False)
    source = places.source_root()
    made = commands.make_plan(again, here, source, facts)
    commands.carry_out(made, here, source, console)


def remove(place: Path) -> None:
    """Remove a damaged file or folder; an environment's stamp goes first, so that half of one is never trusted."""
    with contextlib.suppress(FileNotFoundError):
        (place / environment.STAMP).unlink() if place.is_dir() else place.unlink()
    if place.is_dir():
        shutil.rmtree(str(place))
