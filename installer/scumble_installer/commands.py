"""install and update: what a person asks for, put together from plans and the runner."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import (
    actions,
    backend_env,
    detect,
    editors,
    environment,
    lockfile,
    machine,
    payload,
    places,
    plan,
    pythons,
    torch_builds,
)
from .changes import Changes
from .console import Console, duration, megabytes
from .errors import InstallError
from .facts import Editor, Facts
from .places import Places


@dataclass(frozen=True)
class Options:
    """The command line's choices."""

    device: str = "auto"
    editors: tuple[str, ...] = ()
    prefix: Path | None = None
    offline: Path | None = None
    service: bool = False
    yes: bool = False
    dry_run: bool = False
    as_json: bool = False
    keep_packs: bool = False
    pull: bool = True
    repair: bool = False
    source: Path | None = None


def where(options: Options) -> Places:
    """The user's folders; an installation elsewhere (--prefix) is found through install.json."""
    here = places.this_machine(options.prefix)
    recorded = actions.read_install_file(here).get("data")
    if options.prefix is None and isinstance(recorded, str) and recorded:
        return places.this_machine(Path(recorded)) if Path(recorded) != here.data else here
    return here


def remembered(options: Options, installed: dict[str, Any]) -> Options:
    """The wishes of the installation, where the person doesn't say otherwise now."""
    words = installed.get("editors")
    asked = installed.get("device_asked")
    return dataclasses.replace(
        options,
        editors=options.editors or (tuple(words) if isinstance(words, list) else ()),
        device=asked if options.device == "auto" and isinstance(asked, str) else options.device,
        service=options.service or installed.get("service") is True,
    )


def facts_for(options: Options, here: Places) -> Facts:
    """The machine's facts, with the editors that the person named by folder."""
    looked = machine.here()
    found = detect.gather(looked, here)
    named = [editors.named_by_user(*_named(word), looked) for word in options.editors if "=" in word]
    return _with_editors(found, named)


def _named(word: str) -> tuple[str, Path]:
    program, _, folder = word.partition("=")
    if program not in ("krita", "gimp") or not folder:
        raise InstallError(f"{word!r} names no editor.", "Write krita=FOLDER or gimp=FOLDER.")
    return program, Path(folder).expanduser().resolve()


def _with_editors(found: Facts, named: list[Editor]) -> Facts:
    existing = {editor.settings for editor in named if Path(editor.settings).exists()}
    return dataclasses.replace(
        found, editors=(*found.editors, *named), existing=tuple(sorted({*found.existing, *existing}))
    )


def make_plan(options: Options, here: Places, source: Path, facts: Facts) -> plan.Plan:
    wishes = plan.Wishes(
        device=options.device,
        editors=options.editors,
        service=options.service,
        offline=str(options.offline.resolve()) if options.offline else "",
        offline_build=_build_of(options.offline),
    )
    pins = lockfile.read(source / "constraints.txt")
    python = pythons.choose(list(facts.pythons), facts.uv)
    builds = list(torch_builds.choose(facts, options.device).builds)
    there = backend_env.complete(here, pins, python, builds) is not None
    missing = {} if there or options.offline else backend_env.not_offered(builds, pins, python)
    return plan.install(facts, wishes, payload.folder_name(source), environment_there=there, missing=missing)


def _build_of(wheels: Path | None) -> str:
    """The torch build that a folder of wheels holds, by its wheel's name."""
    if wheels is None:
        return ""
    found = sorted(wheels.glob("torch-*.whl"))
    if not found:
        raise InstallError(f"{wheels} holds no PyTorch.", "Name the wheels folder of an offline kit.")
    version = found[-1].name.split("-")[1]
    return version.split("+", 1)[1] if "+" in version else "default"


# --- install ---------------------------------------------------------------------------------------------


GIT_S = 600.0  # a slow network may take a while


def install(options: Options, console: Console) -> int:
    here = where(options)
    source = options.source or places.source_root()
    facts = facts_for(options, here)
    made = make_plan(options, here, source, facts)
    if options.dry_run:
        return _show(facts, made, options, console)
    say_plan(facts, made, console)
    if not console.ask("Go on?", options.yes):
        return 1
    with Timed() as timed:
        runner = carry_out(made, here, source, console)
    if options.as_json:
        print(json.dumps({"facts": facts.to_json(), "seconds": timed.seconds, **runner.results}))
    console.say(f"\nReady, after {duration(timed.seconds)}. Now:")
    for line in made.ending:
        console.say("  " + line)
    return 0


class Timed:
    """Seconds between entering and leaving."""

    seconds = 0.0

    def __enter__(self) -> Timed:
        import time

        self._clock = time.monotonic
        self._begun = self._clock()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = round(self._clock() - self._begun, 1)


def carry_out(
    made: plan.Plan, here: Places, source: Path, console: Console, going_back_to: dict[str, Any] | None = None
) -> actions.Runner:
    """Run a plan alone, journal and all. Raises InstallError; what was done is kept, so that starting again goes on.

    going_back_to: what install.json said; a failure takes back what this run changed instead.
    """
    changes = Changes(here.journal, here.data / "backup")
    for folder in (here.data, here.cache, here.config):
        changes.folder(folder)
    runner = actions.Runner(here, source, console, changes)
    with environment.locked(here.cache / "installer.lock", console):
        mark = changes.mark()
        try:
            _run(runner, made)
        except (InstallError, KeyboardInterrupt):
            if going_back_to:
                _roll_back(here, changes, mark, going_back_to, made, console)
            raise
        changes.commit(mark)
        clean_up(here, made, console)
    return runner


def _run(runner: actions.Runner, made: plan.Plan) -> None:
    """An OSError becomes a sentence."""
    try:
        runner.run(made)
    except OSError as error:
        raise InstallError(
            f"{error.filename or 'The disk'}: {error.strerror or error}.",
            "Nothing half-made is used. Mend that and start again; what was done is kept.",
        ) from error


def _show(facts: Facts, made: plan.Plan, options: Options, console: Console) -> int:
    if options.as_json:
        print(json.dumps({"facts": facts.to_json(), "plan": made.to_json()}, indent=1))
    else:
        say_plan(facts, made, console)
        console.say("\n(--dry-run: nothing was changed)")
    return 0


def say_plan(facts: Facts, made: plan.Plan, console: Console) -> None:
    for line in plan.describe(facts):
        console.say(line)
    console.say("\nThis will be done:")
    for step in made.steps:
        console.say("  - " + step.title)
    download = megabytes(made.download_mb * 1e6) if made.download_mb else "nothing"
    console.say(f"To download: about {download}; on disk: about {megabytes(made.disk_mb * 1e6)}.")
    for note in made.notes:
        console.say("Note: " + note)
    console.say()


def clean_up(here: Places, made: plan.Plan, console: Console) -> None:
    """Remove versions and environments that nothing uses any more."""
    current = made.of_kind("version")[0].details["version"]
    if here.versions.is_dir():
        for old in here.versions.iterdir():
            if old.name != current:
                console.detail(f"removing the version {old.name}")
                shutil.rmtree(str(old), ignore_errors=True)
    if not here.shared_environments:
        used = actions.read_install_file(here).get("environment", "")
        environment.prune(here.environments, [Path(str(used))], console)


# --- update ----------------------------------------------------------------------------------------------


def update(options: Options, console: Console) -> int:
    """The newest version in place of the installed one, which stays until the new one has passed its self-test."""
    here = where(options)
    installed = actions.read_install_file(here)
    if not installed:
        raise InstallError("Scumble isn't installed for this user.", "Run install.py without a command.")
    options = remembered(options, installed)
    source = options.source or places.source_root()
    if options.pull and options.source is None and pull(source, console):
        return again(console)
    facts = facts_for(options, here)
    made = make_plan(options, here, source, facts)
    new = made.of_kind("version")[0].details["version"]
    console.say(f"Installed: {installed.get('version')}; new: {new}.")
    if options.dry_run:
        return _show(facts, made, options, console)
    runner = carry_out(made, here, source, console, going_back_to=installed)
    if options.as_json:
        print(json.dumps({"from": installed.get("version"), "to": new, **runner.results}))
    console.say(f"Updated to {new}. Restart Krita and GIMP to use it.")
    return 0


def _roll_back(
    here: Places, changes: Changes, mark: int, installed: dict[str, Any], made: plan.Plan, console: Console
) -> None:
    new = str(made.of_kind("version")[0].details["version"])
    with console.step("The update failed; going back to the version before") as step:
        actions.stop_backend(here)
        changes.rollback(mark)
        if new != installed.get("version"):
            shutil.rmtree(str(here.versions / new), ignore_errors=True)
        step.note = str(installed.get("version"))


def pull(source: Path, console: Console) -> bool:
    """Fetch the newest sources where this is a git checkout with an upstream; whether anything came."""
    git = shutil.which("git")
    if git is None or not (source / ".git").exists():
        return False

    def ask(*words: str) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(
                [git or "git", "-C", str(source), *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=GIT_S,
                env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},  # a question that nobody sees would wait for ever
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise InstallError(
                f"git didn't answer for {GIT_S / 60:.0f} minutes.",
                "Update the checkout yourself, then run: install.py update --no-pull",
            ) from error

    before = ask("rev-parse", "HEAD").stdout
    if ask("rev-parse", "--abbrev-ref", "@{upstream}").returncode:
        return False
    with console.step("Fetching the newest sources") as step:
        done = ask("pull", "--ff-only", "--quiet")
        if done.returncode:
            raise InstallError(
                "The newest sources can't be fetched: " + done.stdout.decode("utf-8", "replace").strip(),
                "Update the checkout yourself, then run: install.py update --no-pull",
            )
        changed = ask("rev-parse", "HEAD").stdout != before
        step.note = "new ones came" if changed else "there is nothing newer"
    return changed


def again(console: Console) -> int:
    """Go on with the installer that was just fetched."""
    console.say("Going on with the new installer.")
    return subprocess.call([sys.executable, *sys.argv, "--no-pull"])
