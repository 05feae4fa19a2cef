"""The installer's command line, the gate, the service's files, the kit: as a person meets them."""

from __future__ import annotations

import json
import os
import plistlib
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path

import pytest

from scumble_installer import backend_env, bundle, cli, gate, payload, places, service, try_it
from scumble_installer.console import Console
from scumble_installer.errors import InstallError

ROOT = Path(__file__).resolve().parents[2]
INSTALL = [sys.executable, str(ROOT / "installer" / "install.py")]
QUIET = Console(quiet=True)


def installer(*words: str, home: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SCUMBLE", "XDG", "PYTEST"))}
    return subprocess.run(
        [*INSTALL, *words],
        env={**kept, "HOME": str(home), **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_dry_run_prints_the_plan_and_changes_nothing(tmp_path: Path) -> None:
    done = installer("--dry-run", "--json", "--editors", f"krita={tmp_path / 'krita'}", home=tmp_path)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    kinds = [step["kind"] for step in answer["plan"]["steps"]]
    assert kinds == ["environment", "version", "self_test", "activate", "launcher", "plugin", "krita_enable"]
    assert answer["facts"]["system"] == places.system_name(sys.platform)
    assert list(tmp_path.iterdir()) == []


def test_without_a_terminal_only_yes_agrees(tmp_path: Path) -> None:
    done = installer("install", "--editors", "none", home=tmp_path)
    assert done.returncode == 1
    assert "Add --yes" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--nonsense"], 2, "unrecognized arguments"),
        (["--device", "abacus"], 2, "invalid choice"),
        (["--dry-run", "--editors", "paint"], 1, "No paint was found"),
        (["--dry-run", "--editors", "paint=/x"], 1, "names no editor"),
        (["--dry-run", "--offline", "/nowhere"], 1, "holds no PyTorch"),
        (["update", "--yes"], 1, "isn't installed"),
        (["try", "/nowhere.jpg"], 1, "Name a photo that exists"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(tmp_path: Path, words: list[str], status: int, said: str) -> None:
    done = installer(*words, home=tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (status, False)
    assert said in done.stderr


def test_uninstalling_nothing_is_no_error(tmp_path: Path) -> None:
    done = installer("uninstall", "--yes", home=tmp_path)
    assert done.returncode == 0
    assert "nothing to remove" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_uninstalling_removes_what_try_and_test_have_made(tmp_path: Path) -> None:
    (tmp_path / ".local/share/scumble/environments/backend-3.13-abc/lib").mkdir(parents=True)
    (tmp_path / ".cache/scumble/mypy").mkdir(parents=True)
    done = installer("uninstall", "--yes", home=tmp_path)
    assert done.returncode == 0
    assert not (tmp_path / ".local/share/scumble").exists()
    assert not (tmp_path / ".cache/scumble").exists()


def test_help_names_every_command(tmp_path: Path) -> None:
    done = installer("--help", home=tmp_path)
    assert done.returncode == 0
    assert [name for name in cli._COMMANDS if not re.search(rf"^    {name}\b", done.stdout, re.MULTILINE)] == []


def test_the_docs_speak_of_every_command_and_option() -> None:
    page = (ROOT / "docs" / "install.md").read_text("utf-8")
    options = {word for action in _options(cli.parser()) for word in action if word.startswith("--")} - {"--help"}
    assert [name for name in (*cli._COMMANDS, *sorted(options)) if name not in page] == []


def _options(parser: object) -> list[list[str]]:
    found = []
    for action in parser._actions:  # type: ignore[attr-defined]
        found.append(list(action.option_strings))
        if isinstance(getattr(action, "choices", None), dict):
            for child in action.choices.values():
                found += _options(child)
    return found


# --- the gate --------------------------------------------------------------------------------------------


@pytest.fixture
def scripted_gate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> places.Places:
    """A gate whose kinds are small Python programs with the statuses in `statuses`."""
    monkeypatch.setattr(gate.checkout, "dev_environment", lambda *_: tmp_path)
    return places.user_places("linux", tmp_path, {})


@pytest.mark.parametrize(
    ("statuses", "expected"), [((0, 0, 0, 0), 0), ((0, 0, 0, 5), 5), ((0, 3, 0, 0), 3), ((1, 0, 2, 4), 1)]
)
def test_the_gate_runs_every_kind_and_fails_with_the_first(
    scripted_gate: places.Places,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    statuses: tuple[int, ...],
    expected: int,
) -> None:
    names = ["ruff format", "ruff check", "mypy", "pytest"]
    programs = [
        (name, [sys.executable, "-c", f"print('ran {name}'); raise SystemExit({status})"])
        for name, status in zip(names, statuses, strict=True)
    ]
    monkeypatch.setattr(gate, "kinds", lambda *_: programs)
    assert gate.run([], scripted_gate, QUIET) == expected
    lines = capfd.readouterr().out.strip().splitlines()
    assert [line for line in lines if line.startswith("ran ")] == [f"ran {name}" for name in names]
    assert lines[-1] == "ran pytest"  # its closing line comes last


def test_what_follows_test_goes_to_pytest_and_caches_stay_out_of_the_checkout(tmp_path: Path) -> None:
    here = places.user_places("linux", tmp_path, {})
    kinds = dict(gate.kinds("python", here.cache, ["tests/wire", "-k", "zmtp"]))
    assert kinds["pytest"][-3:] == ["tests/wire", "-k", "zmtp"]
    environ = gate.gate_environ(here)
    places_of_caches = [
        environ[name] for name in environ if name.endswith(("CACHE_DIR", "STORAGE_DIRECTORY", "PREFIX"))
    ]
    assert len([place for place in places_of_caches if place.startswith(str(here.cache))]) == 4
    assert f"cache_dir={here.cache / 'pytest'}" in kinds["pytest"]


def test_ci_calls_exactly_the_gate() -> None:
    text = (ROOT / ".ci" / "run").read_text("utf-8")
    assert text.strip().splitlines()[-1] == "exec python3 installer/install.py test"
    assert "SCUMBLE_REQUIRE_EDITORS=1" in text
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


# --- places ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "environ",
    [{}, {"SCUMBLE_HOME": "/somewhere"}, {"XDG_DATA_HOME": "/d", "XDG_CONFIG_HOME": "/c", "XDG_CACHE_HOME": "/e"},
     {"XDG_DATA_HOME": "relative"}],
)  # fmt: skip
def test_the_installer_and_the_plugins_agree_on_the_folders(environ: dict[str, str]) -> None:
    from scumble_wire import folders

    here = places.user_places("linux", folders.home(environ), environ)
    assert here.install_file == folders.config_folder(environ) / "install.json"
    assert here.cache == folders.cache_folder(environ)
    assert here.data == folders.data_folder(environ)


def test_a_shared_folder_of_environments_is_not_ours() -> None:
    here = places.user_places("linux", Path("/home/ada"), {"SCUMBLE_ENVIRONMENTS": "/srv/environments"})
    assert (here.environments, here.shared_environments) == (Path("/srv/environments"), True)


# --- PyTorch's index -------------------------------------------------------------------------------------


def test_an_index_is_asked_for_exactly_the_wheel() -> None:
    page = '<a href="/whl/cpu/torch-2.15.0%2Bcpu-cp313-cp313-manylinux_2_28_x86_64.whl#sha256=0">x</a>'
    machine = backend_env.platform.machine()
    page = page.replace("x86_64", machine)
    assert backend_env.has_wheel(page, "2.15.0", "cpu", "3.13")
    assert not backend_env.has_wheel(page, "2.15.0", "cpu", "3.12")
    assert not backend_env.has_wheel(page, "2.14.0", "cpu", "3.13")
    assert not backend_env.has_wheel(page, "2.15.0", "cu126", "3.13")
    assert not backend_env.has_wheel(page.replace(machine, "riscv64"), "2.15.0", "cpu", "3.13")


# --- the service -----------------------------------------------------------------------------------------

ODD = ["/home/a da/100%/python", "-m", "scumble_backend"]


def test_the_systemd_unit_quotes_what_systemd_would_take_apart() -> None:
    assert 'ExecStart="/home/a da/100%%/python" "-m" "scumble_backend" serve' in service.systemd_unit(ODD)


def test_the_launchd_file_is_a_property_list() -> None:
    text = service.launchd_plist(["/Users/a&b/python", "-m", "scumble_backend"])
    data = plistlib.loads(text.encode())
    assert data["ProgramArguments"] == ["/Users/a&b/python", "-m", "scumble_backend", "serve"]
    assert data["RunAtLoad"] is True
    ElementTree.fromstring(text)


def test_the_windows_task_opens_no_window() -> None:
    words = service.task_command(["C:\\Program Files\\x\\python.exe", "-m", "scumble_backend"])
    assert words[-1] == '"C:\\Program Files\\x\\pythonw.exe" -m scumble_backend serve'


@pytest.mark.parametrize("system", ["linux", "windows"])
def test_the_scumble_command_calls_the_installed_version(tmp_path: Path, system: str) -> None:
    text = payload.launcher(tmp_path / "it's here", system)
    assert "-m scumble_cli" in text
    if system == "linux":
        python = tmp_path / "it's here" / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text('#!/bin/sh\necho "$@"\n', "utf-8")
        python.chmod(0o755)
        answer = subprocess.run(["sh", "-c", text, "sh", "a b"], capture_output=True, text=True, check=True)
        assert answer.stdout == "-m scumble_cli a b\n"


# --- try -------------------------------------------------------------------------------------------------

FAKE = """
import json, os, sys
from pathlib import Path
words, home = sys.argv[1:], Path(os.environ["FAKE_HOME"])
with (home / "calls").open("a") as file: print(words[0], file=file)
running = home / "running"
if words[0] == "status":
    if not running.exists(): sys.exit(1)
    print(json.dumps({"pid": 4194301}))
elif words[0] == "style":
    if words[words.index("--pack") + 1] == "none": sys.exit("No such pack.")
    running.touch()
    Path(words[words.index("-o") + 1]).write_bytes(b"picture")
    print(json.dumps({"output": "x", "pack": "great-wave", "device": "cpu", "seconds": 0.5}, indent=2))
elif words[0] == "stop":
    running.unlink()
"""


@pytest.mark.parametrize("was_running", [False, True])
def test_try_stops_only_a_backend_that_it_started(tmp_path: Path, was_running: bool) -> None:
    (tmp_path / "fake.py").write_text(FAKE, "utf-8")
    if was_running:
        (tmp_path / "running").touch()
    command, environ = [sys.executable, str(tmp_path / "fake.py")], {**os.environ, "FAKE_HOME": str(tmp_path)}
    result = try_it.style(command, environ, ROOT / try_it.SAMPLE, tmp_path / "out.png", "great-wave")
    assert result == {"output": str(tmp_path / "out.png"), "pack": "great-wave", "device": "cpu", "seconds": 0.5}
    assert (tmp_path / "running").exists() is was_running
    calls = (tmp_path / "calls").read_text("utf-8").split()
    assert calls == ["status", "style"] + ([] if was_running else ["stop"])


def test_an_older_versions_backend_is_stopped_too(tmp_path: Path) -> None:
    """Its command knows no --force."""
    fake = FAKE + "\nif '--force' in words: running.touch(); sys.exit(2)\n"
    (tmp_path / "fake.py").write_text(fake, "utf-8")
    (tmp_path / "running").touch()
    environ = {**os.environ, "FAKE_HOME": str(tmp_path)}
    try_it.stop([sys.executable, str(tmp_path / "fake.py")], environ)
    assert not (tmp_path / "running").exists()


def test_a_picture_that_was_not_painted_is_an_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "fake.py").write_text(FAKE, "utf-8")
    command, environ = [sys.executable, str(tmp_path / "fake.py")], {**os.environ, "FAKE_HOME": str(tmp_path)}
    with pytest.raises(InstallError, match="wasn't painted"):
        try_it.style(command, environ, ROOT / try_it.SAMPLE, tmp_path / "out.png", "none")
    assert "No such pack." in capfd.readouterr().err


def test_the_sample_photo_ships_with_its_licence() -> None:
    sample = ROOT / try_it.SAMPLE
    assert 20_000 < sample.stat().st_size < 300_000
    assert sample.name in (sample.parent / "README.md").read_text("utf-8")


# --- the kit ---------------------------------------------------------------------------------------------


def test_everything_that_the_kit_needs_is_in_the_checkout() -> None:
    assert [part for part in bundle.KIT_PARTS if not (ROOT / part).exists()] == []


def test_the_plugin_zips_are_what_each_editor_wants(tmp_path: Path) -> None:
    krita, gimp = bundle.plugin_zips(ROOT, sys.executable, tmp_path)
    with zipfile.ZipFile(krita) as archive:
        names = archive.namelist()
        assert "pykrita/scumble_krita/" in names  # Krita's importer wants entries for folders
        assert "pykrita/scumble_krita.desktop" in names
    with zipfile.ZipFile(gimp) as archive:
        script = archive.getinfo("scumble_gimp/scumble_gimp.py")
        assert script.external_attr >> 16 & 0o111, "GIMP wants it executable"
        assert any(name.startswith("scumble_gimp/scumble_wire/") for name in archive.namelist())
        assert not any("__pycache__" in name for name in archive.namelist())


def test_an_installed_version_is_named_by_its_contents(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/x.py").write_text("1", "utf-8")
    first = payload.tree_digest(tmp_path / "a")
    (tmp_path / "a/__pycache__").mkdir()
    (tmp_path / "a/__pycache__/x.pyc").write_bytes(b"cache")
    assert payload.tree_digest(tmp_path / "a") == first
    (tmp_path / "a/x.py").rename(tmp_path / "a/y.py")
    assert payload.tree_digest(tmp_path / "a") != first
    version = payload.project_version(ROOT)
    assert payload.folder_name(ROOT).startswith(version + "-")


def test_the_wheel_holds_our_packages_and_nothing_else(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="the gate's environment has it")
    argv = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(argv, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        top = {name.split("/")[0] for name in archive.namelist()}
    version = payload.project_version(ROOT)
    assert top == {
        "scumble_wire",
        "scumble_backend",
        "scumble_training",
        "scumble_cli",
        f"scumble-{version}.dist-info",
    }
