"""What may go into a bug report, and what may not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scumble_editor.privacy import without_private

ADA = {"USER": "adalovelace", "HOME": "/home/adalovelace", "HOSTNAME": "engine-room"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('The layer "Divorce plan" is hidden.', 'The layer "..." is hidden.'),
        ("Die Ebene „Scheidung“ ist leer.", 'Die Ebene "..." ist leer.'),
        ("The pack 'secret-love' is not installed.", 'The pack "..." is not installed.'),
        ("It doesn't answer; it isn't there.", "It doesn't answer; it isn't there."),
        ("/home/adalovelace/Pictures/ex wife/nude.png can't be read.", "... can't be read."),
        ("Log: /home/adalovelace/.cache/scumble/logs/backend.log", "Log: .../backend.log"),
        (
            '  File "/home/adalovelace/.local/share/krita/pykrita/scumble_krita/model.py", line 7',
            '  File ".../model.py", line 7',
        ),
        (r"C:\Users\adalovelace\AppData\Local\scumble\Cache\logs\backend.log is full.", ".../backend.log is full."),
        (r"C:\Users\adalovelace\My Pictures\cat.png: gone", "...: gone"),
        ("/home/adalovelace/my cat.png can't be read.", "... can't be read."),
        ("/mnt/secret project/v2 is a folder", "... is a folder"),
        ("~/Pictures/cat.kra, and more", "..., and more"),
        ("Adalovelace on engine-room", "... on ..."),
        ("ada@example.org wrote", "... wrote"),
        ("secret " + "aB3_" * 11, "secret ..."),
        ("KeyError: x (model.py, line 12)", "KeyError: x (model.py, line 12)"),
        ("tcp://127.0.0.1:40123 does not answer", "tcp://127.0.0.1:40123 does not answer"),
        (
            "Device: cuda:0 (NVIDIA RTX 5090), torch 2.15.0+cu130",
            "Device: cuda:0 (NVIDIA RTX 5090), torch 2.15.0+cu130",
        ),
        ("40 %, 3/4 of it; and/or", "40 %, 3/4 of it; and/or"),
    ],
)
def test_names_and_places_of_the_user_go_and_the_rest_stays(text: str, shown: str) -> None:
    assert without_private(text, ADA) == shown


@given(st.text(st.characters(codec="utf-8", exclude_characters="\"“”„«»'"), max_size=40))
def test_no_quoted_name_survives(name: str) -> None:
    hidden = name.replace("\n", " ")
    assert f"zq{hidden}zq" not in without_private(f'The layer "zq{hidden}zq" is empty here.', ADA)


@given(
    st.lists(
        st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12).map(lambda word: f"q{word}q"),
        min_size=1,
    ),
    st.sampled_from(["/home/{}", "/mnt/{}", "~/{}", "C:\\{}", "D:/{}"]),
)
def test_no_folder_survives(words: list[str], form: str) -> None:
    separator = "\\" if form.startswith("C") else "/"
    shown = without_private(f"{form.format(separator.join([*words, 'picture.png']))} can't be read.", ADA)
    assert not any(word in shown for word in words), shown
