"""gettext catalogs with the standard library alone: read .po, write .mo (format: GNU gettext manual, "MO Files")."""

import ast
import re
import struct
from pathlib import Path

_LINE = re.compile(r'(?:(msgid|msgstr)\s+)?(".*")')


class CatalogDamaged(Exception):
    """A .po file that can't be read; the text names the line."""


def read_po(path: Path) -> dict[str, str]:
    """msgid -> msgstr of a .po file without plurals and contexts; fuzzy and empty entries are left out."""
    table = {}  # type: Dict[str, str]
    entry = {"msgid": "", "msgstr": ""}
    part, fuzzy = "", False

    def keep() -> None:
        if part == "msgstr" and entry["msgstr"] and not fuzzy:
            table[entry["msgid"]] = entry["msgstr"]

    for number, raw in enumerate(path.read_text("utf-8").splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            if part == "msgstr":
                keep()
                part, fuzzy = "", False
            fuzzy = fuzzy or (line.startswith("#,") and "fuzzy" in line)
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise CatalogDamaged(f"{path.name}, line {number}: not understood: {line}")
        word, text = match.groups()
        if word == "msgid":
            if part == "msgstr":
                keep()
                fuzzy = False
            entry = {"msgid": "", "msgstr": ""}
        if word:
            part = word
        if not part:
            raise CatalogDamaged(f"{path.name}, line {number}: text without msgid.")
        entry[part] += ast.literal_eval(text)
    keep()
    return table


def write_mo(table: dict[str, str], path: Path) -> None:
    """Write a little-endian .mo file without a hash table."""
    rows = sorted((key.encode("utf-8"), value.encode("utf-8")) for key, value in table.items())
    count, header = len(rows), 28
    keys = b"".join(key + b"\0" for key, _value in rows)
    values = b"".join(value + b"\0" for _key, value in rows)
    key_offset = header + 16 * count
    value_offset = key_offset + len(keys)
    key_table, value_table = [], []
    for key, value in rows:
        key_table += [len(key), key_offset]
        value_table += [len(value), value_offset]
        key_offset += len(key) + 1
        value_offset += len(value) + 1
    head = struct.pack("<7I", 0x950412DE, 0, count, header, header + 8 * count, 0, header + 16 * count)
    tables = struct.pack(f"<{4 * count}I", *key_table, *value_table)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(head + tables + keys + values)
