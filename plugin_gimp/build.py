"""python plugin_gimp/build.py OUT: make OUT/scumble_gimp, the folder to drop into GIMP's plug-ins folder.

Needs a Python with msgpack (any version; its sources are copied) and nothing else.
"""

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "installer")]

from catalogs import CatalogDamaged, read_po, write_mo  # noqa: E402

from scumble_installer.vendoring import VendoringFailed, copy_manual, copy_sources, vendor  # noqa: E402

NAME = "scumble_gimp"


def build(out: Path) -> Path:
    """Make the plug-in's folder inside `out`, replacing an older one. Returns it."""
    plugin = out / NAME
    copy_sources(HERE / NAME, plugin, leave_out=("locale", "manual", "scumble_wire", "scumble_editor"))
    vendor(plugin)
    copy_manual(plugin)
    for source in sorted((HERE / "po").glob("*.po")):
        write_mo(read_po(source), plugin / "locale" / source.stem / "LC_MESSAGES" / f"{NAME}.mo")
    (plugin / f"{NAME}.py").chmod(0o755)  # GIMP passes over a script that is not executable
    return plugin


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the GIMP plug-in's folder.")
    parser.add_argument("out", type=Path, help="the folder to make scumble_gimp in, such as GIMP's plug-ins folder")
    arguments = parser.parse_args()
    try:
        plugin = build(arguments.out)
    except (VendoringFailed, CatalogDamaged, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(plugin)
    return 0


if __name__ == "__main__":
    sys.exit(main())
