"""Private environments: really made by venv and pip, from a wheel written here; a half-made one is never used."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import pytest

from scumble_installer import bundle, environment, lockfile, payload, pythons
from scumble_installer.console import Console
from scumble_installer.environment import Recipe
from scumble_installer.errors import InstallError
from scumble_installer.torch_builds import CPU, DEFAULT

QUIET = Console(quiet=True)
THIS = pythons.Python(getattr(sys, "_base_executable", sys.executable), sys.version_info[:3], True)


def wheel(folder: Path, name: str, version: str = "1.0", code: str = "x = 1\n") -> Path:
    """A real wheel of one module."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    record = ""
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record += f"{file},sha256={digest},{len(text)}\n"
        archive.writestr(f"{info}/RECORD", f"{record}{info}/RECORD,,\n")
    return path


def pin(path: Path) -> lockfile.Pin:
    name, version = path.name.split("-")[:2]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return lockfile.parse(f"{name}=={version} \\\n    --hash=sha256:{digest}\n")[0]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty environment with pip, made once: making it takes most of the time."""
    folder = tmp_path_factory.mktemp("template") / "environment"
    subprocess.run([THIS.path, "-I", "-m", "venv", str(folder)], check=True)
    return folder


@pytest.fixture
def recipe(tmp_path: Path, template: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    def copy(recipe: Recipe, folder: Path, environ: dict[str, str]) -> None:
        shutil.copytree(template, folder, symlinks=True)

    monkeypatch.setattr(environment, "_make_venv", copy)
    made = wheel(tmp_path / "wheels", "firstthing")
    return Recipe("backend", THIS, DEFAULT, [pin(made)], wheels=tmp_path / "wheels", check="import firstthing")


def test_an_environment_is_made_once_and_then_found(recipe: Recipe, tmp_path: Path) -> None:
    folder = tmp_path / "environments" / "backend"
    made = environment.ensure(recipe, folder, QUIET)
    assert made.built
    assert json.loads((folder / environment.STAMP).read_text("utf-8"))["bytes"] > 1_000_000
    begun = time.monotonic()
    assert not environment.ensure(recipe, folder, QUIET).built
    assert time.monotonic() - begun < 0.5
    assert not (folder.parent / "backend.downloads").exists()

    # a layer on top sees the packages below and adds its own
    second = wheel(tmp_path / "wheels", "secondthing", code="import firstthing\n")
    layer = dataclasses.replace(recipe, pins=[pin(second)], below=folder, check="import secondthing")
    assert environment.ensure(layer, folder.parent / "dev", QUIET).built

    # an unused one is pruned after its time, the one in use is not
    old = time.time() - 30 * 86400
    dev = folder.parent / "dev"
    for place in (folder, dev):
        os.utime(place / environment.STAMP, (old, old))
    assert environment.prune(folder.parent, [folder], QUIET) == [dev]
    assert folder.exists() and not dev.exists()


@pytest.mark.parametrize("fault", ["wrong hash", "import fails", "killed before the stamp"])
def test_a_half_made_environment_is_never_used(
    recipe: Recipe, tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "environments" / "backend"
    if fault == "wrong hash":
        text = recipe.pins[0].text[:-4] + "0000"
        recipe = dataclasses.replace(recipe, pins=[dataclasses.replace(recipe.pins[0], text=text)])
    elif fault == "import fails":
        recipe = dataclasses.replace(recipe, check="import nothing_of_that_name")
    else:
        monkeypatch.setattr(environment, "write_stamp", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises((InstallError, KeyboardInterrupt)) as caught:
        environment.ensure(recipe, folder, QUIET)
    if fault == "wrong hash":
        assert "DO NOT MATCH THE HASHES" in str(caught.value)
    assert folder.exists()
    assert not environment.is_complete(folder)


def test_two_installers_at_once_make_it_once(recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, builds, results = tmp_path / "environments" / "backend", [], []

    def slowly(recipe: Recipe, folder: Path, console: Console) -> None:
        builds.append(folder)
        time.sleep(0.3)
        environment.python_in(folder).parent.mkdir(parents=True)
        environment.python_in(folder).touch()
        environment.write_stamp(folder, {})

    monkeypatch.setattr(environment, "build", slowly)
    run = lambda: results.append(environment.ensure(recipe, folder, QUIET).built)  # noqa: E731
    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (len(builds), sorted(results)) == (1, [False, False, True])


def test_a_leftover_is_replaced(recipe: Recipe, tmp_path: Path) -> None:
    folder = tmp_path / "environments" / "backend"
    (folder / "lib").mkdir(parents=True)
    (folder / "lib/half.py").write_text("x", "utf-8")
    assert environment.ensure(recipe, folder, QUIET).built
    assert not (folder / "lib/half.py").exists()


def test_a_missing_package_is_added_by_the_command_that_the_remedy_names(template: Path, tmp_path: Path) -> None:
    """As in an installed version: a thin environment without pip of its own, on top of one that has it."""
    version = tmp_path / "version"
    subprocess.run([THIS.path, "-I", "-m", "venv", "--without-pip", str(version)], check=True)
    environment.see_below(version, template)
    python = str(environment.python_in(version))
    backend = str(Path(__file__).parents[2] / "backend")
    ask = f"import sys; sys.path.append({backend!r}); from scumble_backend.extras import how_to_install as how; "
    said = subprocess.check_output([python, "-c", ask + "print(how('thirdthing'))"], text=True)
    assert f"`{python} -m pip install thirdthing`" in said
    wheel(tmp_path / "wheels", "thirdthing")
    options = ["--no-index", "--find-links", str(tmp_path / "wheels"), "--disable-pip-version-check"]
    subprocess.run([python, "-m", "pip", "install", *options, "thirdthing"], check=True, capture_output=True)
    assert subprocess.check_output([python, "-I", "-c", "import thirdthing; print(thirdthing.x)"]) == b"1\n"


def test_a_layer_does_not_hide_the_pinned_setuptools(template: Path, tmp_path: Path) -> None:
    """Older Pythons' venv brings one of its own."""
    layer = tmp_path / "layer"
    shutil.copytree(template, layer, symlinks=True)
    site = next(layer.glob("lib/python*/site-packages" if os.name != "nt" else "Lib/site-packages"))
    for folder in ("setuptools", "setuptools-65.5.0.dist-info", "pkg_resources"):
        (site / folder).mkdir(exist_ok=True)
    environment.see_below(layer, template)
    assert [path.name for path in site.glob("*setuptools*")] == []
    assert (site / "pip").is_dir()


def test_half_made_environments_of_another_hash_are_cleaned_up(tmp_path: Path) -> None:
    """With their downloads; not what is being made right now, nor what isn't ours in a shared folder."""
    names = ["backend-3.11-aaaaaaaaaaaa", "backend-3.12-bbbbbbbbbbbb", "dev-3.11-cccccccccccc", "somebody-elses"]
    for name in names:
        (tmp_path / name / "lib").mkdir(parents=True)
        (tmp_path / (name + environment.DOWNLOADS)).mkdir()
    kept = tmp_path / "backend-3.13-dddddddddddd"
    (tmp_path / (kept.name + environment.DOWNLOADS)).mkdir()
    with environment.locked(environment.lock_file(tmp_path / names[2]), QUIET):
        gone = environment.prune(tmp_path, [kept], QUIET)
    assert {path.name for path in gone} == {*names[:2], *(name + environment.DOWNLOADS for name in names[:2])}
    assert not any(path.exists() for path in gone)
    assert (tmp_path / names[2] / "lib").is_dir() and (tmp_path / names[3] / "lib").is_dir()
    assert (tmp_path / (kept.name + environment.DOWNLOADS)).is_dir()


def test_unused_environments_go_after_a_while_and_used_ones_stay(tmp_path: Path) -> None:
    old, new = tmp_path / "backend-3.11-aaaaaaaaaaaa", tmp_path / "backend-3.11-bbbbbbbbbbbb"
    for folder in (old, new):
        folder.mkdir()
        environment.write_stamp(folder, {})
    os.utime(old / environment.STAMP, (1, 1))
    assert environment.prune(tmp_path, [], QUIET) == [old]
    assert new.is_dir()


def test_another_installer_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "LONGEST_WAIT_S", 0.2)
    lock = tmp_path / "lock"
    with (
        environment.locked(lock, QUIET),
        pytest.raises(InstallError, match="Another installer"),
        environment.locked(lock, QUIET),
    ):
        pytest.fail("held twice")


def test_the_kit_holds_all_that_an_installation_takes() -> None:
    needed = {part.split("/")[0] for part in (*payload.PACKAGES, *payload.PLUGINS)}
    assert needed <= set(bundle.KIT_PARTS)


def test_the_name_tells_the_contents(recipe: Recipe, tmp_path: Path) -> None:
    def name(**changes: object) -> str:
        values = {"purpose": "backend", "pins": recipe.pins, "python": THIS, "build": DEFAULT, **changes}
        return environment.name_for(**values)  # type: ignore[arg-type]

    other = pin(wheel(tmp_path / "wheels", "firstthing", "2.0"))
    newer = dataclasses.replace(THIS, version=(3, 14, 0))
    names = [name(), name(pins=[other]), name(build=CPU), name(python=newer), name(purpose="dev")]
    assert len(set(names)) == len(names)
    assert name() == name(python=dataclasses.replace(THIS, version=(*THIS.version[:2], 99)))  # patch releases fit


def test_what_would_mislead_a_private_python_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "VIRTUAL_ENV"):
        monkeypatch.setenv(variable, "/somewhere")
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    environ = environment.clean_environ()
    assert not {"PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "VIRTUAL_ENV"} & set(environ)
    assert environ["PIP_INDEX_URL"] == "https://mirror.example/simple"


def test_a_kits_wheels_are_fetched_and_installed_without_an_index(
    tmp_path: Path, template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index here is a folder, named as a user names a mirror: in pip's configuration."""
    first, second = wheel(tmp_path / "mirror", "torch"), wheel(tmp_path / "mirror", "torchvision")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "mirror"))
    this = dataclasses.replace(THIS, path=str(environment.python_in(template)))
    unreachable = dataclasses.replace(CPU, index="http://127.0.0.1:9/whl/cpu")
    fetched = tmp_path / "kit" / "wheels"
    pins = [pin(first), pin(second)]
    assert bundle.fetch_wheels(this, (unreachable, DEFAULT), pins, fetched, QUIET) == DEFAULT
    assert sorted(path.name for path in fetched.iterdir()) == [first.name, second.name]
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "gone"))
    monkeypatch.setattr(
        environment, "_make_venv", lambda _, folder, __: shutil.copytree(template, folder, symlinks=True)
    )
    recipe = Recipe("backend", this, DEFAULT, pins, wheels=fetched, check="import torch, torchvision")
    assert environment.ensure(recipe, tmp_path / "environment", QUIET).built


def test_what_pip_says_becomes_sizes_and_names(capsys: pytest.CaptureFixture[str]) -> None:
    downloads = environment.Downloads(Console())
    downloads.alive(15)  # an offline kit's packages are installed without any download
    for line in (
        "Collecting torch==2.15.0",
        "  Downloading torch-2.15.0-cp311-cp311-manylinux_2_28_x86_64.whl (539.4 MB)",
        "  Downloading tiny-1.0-py3-none-any.whl (12 kB)",
        "  Downloading https://mirror.example/nvidia_cublas-13.4.1.3-py3-none-manylinux_2_27_x86_64.whl (1.2 GB)",
        "  Using cached triton-3.9.0-cp311-cp311-manylinux_2_27_x86_64.whl (286.0 MB)",
    ):
        downloads.line(line)
    downloads.alive(75)
    said = [line.strip() for line in capsys.readouterr().err.splitlines()]
    assert said == [
        "... 15.0 s so far",
        "downloading torch (539 MB)",
        "downloading nvidia_cublas (1200 MB)",
        "using cached triton (286 MB)",
        "... 1 min 15 s so far, 1739 MB downloaded",
    ]
