"""The plugin as a thing: what the zip holds, that it stands alone, that its texts are translated."""

from __future__ import annotations

import ast
import re
import string
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

SOURCE = Path(__file__).resolve().parents[2]
PLUGIN = SOURCE / "plugin_krita"
WIRE = SOURCE / "backend" / "scumble_wire"

sys.path.insert(0, str(PLUGIN))

import texts  # noqa: E402
from scumble_installer.payload import project_version  # noqa: E402


def test_the_zip_has_entries_for_folders_and_is_the_same_every_time(tmp_path: Path) -> None:
    made = []
    for name in ("one", "two"):
        command = [sys.executable, str(PLUGIN / "build.py"), str(tmp_path / name)]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        made.append(Path(out).read_bytes())
    assert made[0] == made[1]
    with zipfile.ZipFile(tmp_path / "one" / "scumble_krita.zip") as archive:
        names = archive.namelist()
    assert "pykrita/scumble_krita/" in names and "pykrita/scumble_krita.desktop" in names
    assert "actions/scumble_krita.action" in names and "pykrita/scumble_krita/languages/de.ts" in names
    assert "pykrita/scumble_krita/manual/en.html" in names
    for name in names:
        for parent in Path(name).parents:
            assert parent == Path() or f"{parent.as_posix()}/" in names
    assert not [name for name in names if name.endswith((".pyc", ".so", ".pyd"))]


def test_the_wire_is_copied_byte_for_byte_and_msgpack_brings_its_license(built: Path) -> None:
    copy = built / "pykrita" / "scumble_krita" / "scumble_wire"
    for path in WIRE.glob("*.py"):
        assert (copy / path.name).read_bytes() == path.read_bytes()
    shared = built / "pykrita" / "scumble_krita" / "scumble_editor"
    for path in (SOURCE / "plugin_shared" / "scumble_editor").glob("*.py"):
        relative = path.read_text("utf-8").replace("from scumble_wire", "from ..scumble_wire")
        assert (shared / path.name).read_text("utf-8") == relative
    assert (copy / "_vendor" / "msgpack" / "fallback.py").is_file()
    assert "Apache" in (copy / "_vendor" / "msgpack" / "COPYING").read_text("utf-8")


def test_the_plugin_imports_nothing_but_the_standard_library_krita_qt_and_itself(built: Path) -> None:
    allowed = {*sys.stdlib_module_names, "krita", "pykrita", "PyQt5", "PyQt6", "msgpack"}
    for path in sorted((built / "pykrita" / "scumble_krita").rglob("*.py")):
        if "_vendor" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"), feature_version=(3, 10))):
            if isinstance(node, ast.Import):
                tops = {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                tops = {str(node.module).split(".")[0]}
            else:
                continue
            assert tops <= allowed, f"{path.name} imports {tops - allowed}"
            if path.name not in ("qt.py", "__init__.py"):
                assert not tops & {"PyQt5", "PyQt6"}, f"{path.name} passes the door of qt.py by"


def test_only_files_in_layers_touch_pixels() -> None:
    touching = re.compile(r"\b(setPixelData|projectionPixelData|pixelData|createNode|addChildNode)\(")
    for path in sorted((PLUGIN / "scumble_krita").rglob("*.py")):
        if "layers" not in path.parts:
            assert not touching.search(path.read_text("utf-8")), path.name


def test_the_model_needs_neither_krita_nor_qt(module: Callable[[str], ModuleType]) -> None:
    for name in (
        "model",
        "enlarging",
        "troubles",
        "diagnosis",
        "layers.spaces",
        "layers.turning",
        "scumble_editor.threaded_client",
    ):
        assert module(name)
    assert not {"krita", "PyQt5", "PyQt6"} & set(sys.modules)
    assert module("context").Backend.__module__ == "scumble_krita.scumble_editor.backend"


def test_an_old_python_can_read_the_file_that_says_it_is_too_old() -> None:
    ast.parse((PLUGIN / "scumble_krita" / "__init__.py").read_text("utf-8"), feature_version=(3, 7))


def test_both_qts_give_the_same_names() -> None:
    tree = ast.parse((PLUGIN / "scumble_krita" / "qt.py").read_text("utf-8"))
    names: dict[str, set[str]] = {"PyQt5": set(), "PyQt6": set()}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("PyQt"):
            names[str(node.module).split(".")[0]] |= {alias.name for alias in node.names}
    assert names["PyQt5"] == names["PyQt6"] != set()


def test_the_plugin_has_the_version_of_the_project(built: Path) -> None:
    code = (built / "pykrita" / "scumble_krita" / "scumble_wire" / "__init__.py").read_text("utf-8")
    assert f'__version__ = "{project_version(SOURCE)}"' in code


def test_every_action_of_the_menu_is_in_the_action_file() -> None:
    code = (PLUGIN / "scumble_krita" / "extension.py").read_text("utf-8")
    file = ElementTree.parse(PLUGIN / "scumble_krita" / "scumble_krita.action")
    listed = {action.get("name") for action in file.getroot().iter("Action")}
    assert listed == set(re.findall(r'"(scumble_[a-z_]+)",\s*tr\(', code)) != set()


@pytest.mark.parametrize("path", sorted((PLUGIN / "scumble_krita" / "languages").glob("*.ts")), ids=lambda p: p.stem)
def test_every_text_is_translated_and_keeps_its_fields(path: Path, module: Callable[[str], ModuleType]) -> None:
    table = module("scumble_editor.words").load_ts(path)
    gathered = texts.gather()
    assert len(gathered) > 100
    assert [text for text in gathered if text not in table] == []
    assert [text for text in table if text not in gathered] == [], "no longer shown"
    for text, translated in table.items():
        fields = [
            {field for _, field, _, _ in string.Formatter().parse(each) if field} for each in (text, translated)
        ]
        assert fields[0] == fields[1], text


def test_spaces_of_krita_become_formats_of_the_wire(module: Callable[[str], ModuleType]) -> None:
    spaces = module("layers.spaces")

    def told(*space: str) -> tuple[str, str, str] | None:
        info = spaces.wire_image(spaces.Space(*space), 4, 3)
        return info and (info.depth, info.order, info.transfer)

    assert told("RGBA", "U8", "sRGB-elle-V2-srgbtrc.icc") == ("u8", "BGRA", "srgb")
    assert told("RGBA", "U16", "sRGB-elle-V2-g10.icc") == ("u16", "BGRA", "linear")
    assert told("RGBA", "F16", "sRGB-elle-V2-g10.icc") == ("f16", "RGBA", "linear")
    assert told("RGBA", "F32", "scRGB (linear)") == ("f32", "RGBA", "linear")
    assert told("RGBA", "U8", "sRGB built-in") == ("u8", "BGRA", "srgb")
    assert told("GRAYA", "U8", "Gray-D50-elle-V2-srgbtrc.icc") == ("u8", "GRAYA", "srgb")
    assert told("RGBA", "U8", "sRGB-elle-V2-g18.icc") is None
    assert told("RGBA", "U8", "Display P3") is None
    assert told("CMYKA", "U8", "Chemical proof") is None
    cmyk = spaces.Space("CMYKA", "U16", "Chemical proof")
    assert spaces.bridge_of(cmyk) == spaces.Space("RGBA", "U16", spaces.SRGB)
    assert cmyk.pixel_bytes == 10 and spaces.is_direct(spaces.bridge_of(cmyk))
