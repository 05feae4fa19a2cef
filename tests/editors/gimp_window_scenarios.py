"""What is tried with GIMP's windows open: dialogs, undo, last values. Runs after `gimp_scenarios.py`, in its names.

SCUMBLE_SHOTS: folder for pictures of the dialogs. SCUMBLE_TIMINGS: file that the plug-in writes its times to.
"""

# ruff: noqa: F821  (the names of gimp_scenarios.py)
import os
import subprocess

SHOTS = os.environ["SCUMBLE_SHOTS"]
TIMINGS = Path(os.environ["SCUMBLE_TIMINGS"])  # gets a line for every preview that has come

# Waits for a window and for a file with something in it, lets it settle, takes its picture, presses keys; "x,y" is a
# click there, ".5" a pause of so many seconds: Gtk presses a button a quarter of a second after its letter.
ACT = """
for _ in $(seq 300); do
  id=$(xdotool search --onlyvisible --name "^$1$" 2>/dev/null | tail -n 1)
  [ -n "$id" ] && break; sleep .1
done
[ -n "$id" ] || exit 1
xdotool mousemove 2 2
[ -n "$5" ] && for _ in $(seq 600); do [ -s "$5" ] && break; sleep .1; done
sleep "$4"
xdotool windowactivate --sync "$id"; sleep .2
[ -n "$3" ] && maim -u -i "$id" "$3"
for key in $2; do
  case "$key" in
    .*) sleep "$key" ;;
    *,*) xdotool mousemove --window "$id" "${key%,*}" "${key#*,}" click 1 ;;
    *) xdotool key --clearmodifiers "$key" ;;
  esac
  sleep .2
done
"""


def act(window, keys, picture="", settle=2.0, awaited=""):
    """Do something in a window once it is there, while this script waits for a procedure.

    awaited: a file that something is written to before the window is settled.
    """
    place = f"{SHOTS}/{picture}.png" if picture else ""
    return subprocess.Popen(["bash", "-c", ACT, "act", window, keys, place, str(settle), str(awaited)])


def interactive(name, window, keys, image=None, picture="", settle=2.0, awaited="", **values):
    """(status, answer) of a procedure whose dialog is answered with keys."""
    hand = act(window, keys, picture, settle, awaited)
    if image is not None:
        values |= {"image": image, "drawables": image.get_selected_layers()}
    answer = call(name, run_mode=Gimp.RunMode.INTERACTIVE, **values)
    assert hand.wait() == 0, f"no window {window!r} came"
    return answer


def last_values(procedure, /, **values):
    """Make these the values of the last time, as GIMP keeps them, with which the dialog of a procedure opens.

    Values that a script hands over don't reach the dialogs of procedures for layers.
    """
    folder = Path(os.environ["GIMP3_DIRECTORY"]) / "plug-in-settings"
    folder.mkdir(exist_ok=True)
    lines = [f"({key.replace('_', '-')} {json.dumps(value)})\n" for key, value in values.items()]
    (folder / f"GimpProcedureConfigRun-{procedure}.last").write_text("".join(lines))


def seen_in_window():
    """What the windows have shown since GIMP started, oldest first."""
    return [json.loads(line) for line in Path(f"{TIMINGS}.seen").read_text("utf-8").splitlines()]


def press(window, keys, picture="", settle=0.2, awaited=""):
    """Do something in a window that comes or is there."""
    assert act(window, keys, picture, settle, awaited).wait() == 0, f"no window {window!r} came"


def until(reached, otherwise):
    end = time.monotonic() + 30 * float(os.environ.get("SCUMBLE_PATIENCE", "1"))
    while not reached():
        assert time.monotonic() < end, otherwise
        time.sleep(0.1)


def undo(image, is_back, times=1):
    """Press Ctrl+Z in the image's window until it had its effect; more than once is a failure."""
    Gimp.displays_flush()
    for _ in range(times):
        press(".*GIMP", "ctrl+z", settle=0.5)
    until(is_back, "one undo did not bring the image back")


def shown(size=SIZE, alpha=False):
    image = new_image(size=size)
    layer = new_layer(image, alpha=alpha, size=size)
    image.clean_all()
    Gimp.Display.new(image)
    return image, layer


def photo():
    path = os.environ.get("SCUMBLE_PHOTO")
    if not path:
        return shown((320, 240))[0]
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(path))
    Gimp.Display.new(image)
    return image


def scenario_window_stylize():
    """The dialog paints with the first style, its values are the last values, and one undo takes it back."""
    image = photo()
    status, _answer = interactive("plug-in-scumble-stylize", "Stylize", "Escape", image)
    assert status == Gimp.PDBStatusType.CANCEL and len(image.get_layers()) == 1
    before = native(image.get_layers()[0])
    status, answer = interactive("plug-in-scumble-stylize", "Stylize", "Return", image, "gimp-stylize", settle=6.0)
    assert status == Gimp.PDBStatusType.SUCCESS, answer
    assert len(image.get_layers()) == 2
    painted = native(image.get_layers()[0])
    image.set_selected_layers([image.get_layers()[0]])
    status, _answer = interactive("plug-in-scumble-edit-again", "Stylize", "Return", image, "gimp-again", settle=4.0)
    assert status == Gimp.PDBStatusType.SUCCESS and len(image.get_layers()) == 2
    undo(image, lambda: len(image.get_layers()) == 2)
    undo(image, lambda: len(image.get_layers()) == 1)
    assert native(image.get_layers()[0]) == before
    succeed("plug-in-scumble-repeat", image=image, drawables=image.get_layers())
    assert native(image.get_layers()[0]) == painted


def scenario_window_quick_start():
    """docs/quickstart-gimp.md from its second step on, by the words it names, with keys and the mouse alone."""
    in_menu = "alt+r Up Right"  # Filters, Scumble (its last entry); then the letter underlined in an entry
    image, layer = shown((320, 240))
    before = native(layer)
    last_values("plug-in-scumble-stylize", style=STYLE)
    TIMINGS.write_text("")
    press(".*GIMP", f"{in_menu} s", "quick-start-1")
    press("Stylize", "660,40 f i e l d", "quick-start-2", awaited=TIMINGS)  # the search: what it finds comes first
    press("Stylize", "543,120")
    press("Stylize", "alt+n", "quick-start-3", settle=1.0)
    press("Stylize", "alt+n alt+p", "quick-start-3-original")
    painted, plain = (middle_of_preview(f"{SHOTS}/quick-start-3{name}.png") for name in ("", "-original"))
    assert painted != plain
    until(lambda: len(image.get_layers()) == 2, "no new layer came")
    assert [each.get_name() for each in image.get_layers()] == ["Tiny Field", layer.get_name()]
    undo(image, lambda: len(image.get_layers()) == 1)
    TIMINGS.write_text("")
    press(".*GIMP", f"{in_menu} s")
    press("Stylize", "alt+a", awaited=TIMINGS)
    until(lambda: len(image.get_layers()) == 2, "no new layer came while the dialog was open")
    assert native(layer) == before
    press("Stylize", "alt+t Down alt+p", "quick-start-4")
    until(lambda: native(layer) != before, "the layer itself was not painted")
    undo(image, lambda: native(layer) == before and len(image.get_layers()) == 2)
    undo(image, lambda: len(image.get_layers()) == 1)
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 80, 60, 160, 120)
    Gimp.Selection.feather(image, 20)
    press(".*GIMP", f"{in_menu} r")
    until(lambda: native(layer) != before, "nothing was painted without a dialog")
    pixels = 3 * 320
    assert native(layer)[: 20 * pixels] == before[: 20 * pixels]  # above the selection and its soft edge
    undo(image, lambda: native(layer) == before)


def middle_of_preview(picture):
    """A piece of a picture of the Stylize dialog, where its preview is."""
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(picture))
    buffer = image.get_layers()[0].get_buffer()
    pixels = bytes(buffer.get(Gegl.Rectangle.new(150, 250, 150, 100), 1.0, "R'G'B' u8", Gegl.AbyssPolicy.NONE))
    image.delete()
    return pixels


def scenario_window_undo_in_place():
    image, layer = shown(alpha=True)
    before = native(layer)
    stylize(image, [layer])
    assert native(layer) != before
    undo(image, lambda: native(layer) == before)


def scenario_window_undo_of_several_layers():
    image, layer = shown()
    other = new_layer(image, name="other")
    before = native(layer), native(other)
    stylize(image, [layer, other])
    undo(image, lambda: (native(layer), native(other)) == before)
    stylize(image, [layer, other], result="new-layer")
    undo(image, lambda: len(image.get_layers()) == 2)


def scenario_window_undo_of_enlarging():
    image, layer = shown()
    before = native(layer)
    for result in ("new-layer", "whole-image"):
        succeed("plug-in-scumble-upscale", image=image, drawables=[layer], model=ENLARGER, result=result)
        undo(image, lambda: len(image.get_layers()) == 1 and image.get_width() == SIZE[0])
        assert native(layer) == before


def scenario_window_upscale():
    image = photo()
    count, opened = len(Gimp.get_images()), opened_by_a_browser()
    keys = "alt+h .5 Return"
    status, answer = interactive("plug-in-scumble-upscale", "Upscale", keys, image, "gimp-upscale", settle=6.0)
    assert status == Gimp.PDBStatusType.SUCCESS, answer
    manual_was_opened(opened)
    assert len(Gimp.get_images()) == count + 1


def scenario_window_one_preview_an_opening():
    image, _layer = shown((320, 240))
    for name, title, values in (
        ("stylize", "Stylize", {"style": STYLE}),
        ("upscale", "Upscale", {"model": ENLARGER}),
    ):
        TIMINGS.write_text("")
        status, answer = interactive(
            f"plug-in-scumble-{name}", title, "Escape", image, settle=3.0, awaited=TIMINGS, **values
        )
        assert status == Gimp.PDBStatusType.CANCEL, answer
        # To the right of the switches below a preview that has come, nothing is written and nothing turns.
        assert [each for each in seen_in_window() if "line" in each][-1] == {"line": "", "turning": False}
        painted = [line for line in TIMINGS.read_text("utf-8").splitlines() if '"preview"' in line]
        assert len(painted) == 1, painted


def scenario_window_effects_in_the_preview():
    """The preview shows what is painted: with its effects for a new layer, without them in place."""
    image, layer = shown((320, 240))
    effect(layer, "gegl:invert")
    name = "plug-in-scumble-stylize"
    for result, picture in (("new-layer", "gimp-effects"), ("in-place", "gimp-effects-in-place")):
        last_values(name, style=STYLE, strength=0.0, result=result)
        TIMINGS.write_text("")
        status, answer = interactive(name, "Stylize", "Escape", image, picture, awaited=TIMINGS)
        assert status == Gimp.PDBStatusType.CANCEL, answer
        corners = [each["corner"] for each in seen_in_window() if "corner" in each]
        # The layer's dark corner, inverted by its effect.
        assert min(corners[-1]) > 160 if result == "new-layer" else max(corners[-1]) < 95, corners


def scenario_window_install():
    pack = Gio.File.new_for_path(os.environ["SCUMBLE_PACK"])
    status, answer = interactive(
        "plug-in-scumble-install-pack", "Install Style Pack", "alt+i", picture="gimp-install", file=pack
    )
    assert status == Gimp.PDBStatusType.SUCCESS, answer


def scenario_window_train():
    image = photo()
    status, _answer = interactive("plug-in-scumble-train", "Train a Style", "Escape", image, "gimp-train")
    assert status == Gimp.PDBStatusType.CANCEL


def scenario_window_training():
    """The window of a training that another plug-in process started; closing it leaves the training running."""
    image, _layer = shown((160, 120))
    values = {"image": image, "drawables": image.get_layers(), "wait": False}
    recipe = os.environ["SCUMBLE_LONG_RECIPE"]
    succeed("plug-in-scumble-train", name="Goes On", recipe=recipe, **values)
    hand = act("Training", "Escape", "gimp-training", float(os.environ.get("SCUMBLE_TRAINING_S", "3")))
    status, answer = call("plug-in-scumble-show-training", run_mode=Gimp.RunMode.INTERACTIVE)
    assert hand.wait() == 0 and status == Gimp.PDBStatusType.SUCCESS, answer
    ring("see the training go on")


def leave():
    """End GIMP without questions."""
    call("gimp-quit", force=True)
