"""Build `scumble_krita.zip` for Krita's "Import Python Plugin from File": python plugin_krita/build.py OUT [--folder]

OUT: folder that gets the zip; with --folder it gets the unpacked plugin instead, as Krita's resource folder holds it.
Standard library only. All of Krita's plugins share one Python, so this one carries its own scumble_wire and
scumble_editor as subpackages, which its files import relatively; msgpack's pure-Python files come from the Python
that runs this script.
"""

import argparse
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "installer"))

from scumble_installer.vendoring import VendoringFailed, copy_manual, copy_sources, make_imports_relative, vendor  # noqa: E402

NAME = "scumble_krita"
STAMP = (1980, 1, 1, 0, 0, 0)  # the same sources give the same zip


def write_folder(out: Path) -> Path:
    """Lay the plugin out in `out` as in Krita's resource folder: pykrita/ and actions/. Raises VendoringFailed."""
    plugin = out / "pykrita" / NAME
    plugin.parent.mkdir(parents=True, exist_ok=True)
    copy_sources(HERE / NAME, plugin, leave_out=["*.action"])
    vendor(plugin)
    copy_manual(plugin)
    make_imports_relative(plugin)
    shutil.copyfile(str(HERE / f"{NAME}.desktop"), str(plugin.parent / f"{NAME}.desktop"))
    (out / "actions").mkdir(exist_ok=True)
    shutil.copyfile(str(HERE / NAME / f"{NAME}.action"), str(out / "actions" / f"{NAME}.action"))
    return out


def write_zip(out: Path) -> Path:
    """Write out/scumble_krita.zip, with an entry for every folder: Krita's importer looks for those."""
    path = out / f"{NAME}.zip"
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as stage:
        top = write_folder(Path(stage))
        new = path.with_name(path.name + ".new")
        with zipfile.ZipFile(str(new), "w", zipfile.ZIP_DEFLATED) as archive:
            for each in sorted(top.rglob("*")):
                name = each.relative_to(top).as_posix()
                entry = zipfile.ZipInfo(name + "/" if each.is_dir() else name, STAMP)
                entry.external_attr = (0o40755 << 16) | 0x10 if each.is_dir() else 0o100644 << 16
                entry.compress_type = zipfile.ZIP_STORED if each.is_dir() else zipfile.ZIP_DEFLATED
                archive.writestr(entry, b"" if each.is_dir() else each.read_bytes())
        new.replace(path)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description="Build Scumble's Krita plugin.")
    parser.add_argument("out", type=Path, help="folder to write into")
    parser.add_argument("--folder", action="store_true", help="write the unpacked plugin instead of a zip")
    asked = parser.parse_args()
    try:
        print(write_folder(asked.out) if asked.folder else write_zip(asked.out))
    except VendoringFailed as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
