"""What is tried inside Krita: the driver plugin runs each `step_*` generator; `yield ms` gives Krita a turn."""

# ruff: noqa: PTH118, PTH123, PTH110, B905

import hashlib
import math
import os
import random
import time

from krita import InfoObject, Krita, Selection
from PyQt5.QtCore import QByteArray, QMimeData, QPointF, Qt, QUrl
from PyQt5.QtGui import QColor, QImage, QLinearGradient, QPainter
from PyQt5.QtTest import QTest
from PyQt5.QtWidgets import QAbstractButton, QApplication

APP = Krita.instance()
SHOTS = os.environ["SCUMBLE_SHOTS"]
PACKS = os.environ["SCUMBLE_PACKS"]
PATIENCE = float(os.environ.get("SCUMBLE_PATIENCE", "1"))  # times as long as on a calm machine
LINEAR, CODED = "sRGB-elle-V2-g10.icc", "sRGB-elle-V2-srgbtrc.icc"


# --- helping ----------------------------------------------------------------------------------------------


def docker():
    return next(each for each in APP.dockers() if each.objectName() == "scumble")


def model():
    return docker().model


def wait(condition, seconds=30.0, what="it did not happen in time"):
    end = time.monotonic() + seconds * PATIENCE
    while not condition():
        assert time.monotonic() < end, what
        yield 15


def ring(wish):
    """Ask the test outside for something and wait until it is done."""
    path = os.environ["SCUMBLE_BELL"]
    with open(path, "w") as file:
        file.write(wish)
    yield from wait(lambda: not os.path.exists(path), 30, f"nobody did: {wish}")


def picture(width, height):
    """Something to paint over: a sky, a sun, a house."""
    image = QImage(width, height, QImage.Format_ARGB32)
    painter = QPainter(image)
    sky = QLinearGradient(QPointF(0, 0), QPointF(0, height))
    for place, color in ((0, (80, 140, 220)), (0.6, (240, 220, 180)), (1, (40, 90, 50))):
        sky.setColorAt(place, QColor(*color))
    painter.fillRect(0, 0, width, height, sky)
    painter.setBrush(QColor(250, 200, 60))
    painter.drawEllipse(width // 2, height // 6, width // 8, width // 8)
    painter.setBrush(QColor(90, 60, 40))
    painter.drawRect(width // 8, height // 2, width // 6, height // 3)
    painter.end()
    bits = image.constBits()
    bits.setsize(image.sizeInBytes())
    return QByteArray(bytes(bits))


def grain(made, seed=1):
    """Every pixel of the Background another one, so that it can be seen where it has gone. RGBA U8."""
    node = made.rootNode().childNodes()[0]
    data = bytearray(random.Random(seed).randbytes(made.width() * made.height() * 4))
    data[3::4] = b"\xff" * (len(data) // 4)
    node.setPixelData(QByteArray(bytes(data)), 0, 0, made.width(), made.height())
    settle(made)


def all_pixels(made, node):
    return bytes(node.pixelData(0, 0, made.width(), made.height()))


def document(width=320, height=240, model="RGBA", depth="U8", profile=""):
    """A new document in a window of its own with a painted Background; nothing can be undone in it."""
    from scumble_krita.layers.reading import convert
    from scumble_krita.layers.spaces import Space

    made = APP.createDocument(width, height, "Sketch", model, depth, profile, 72.0)
    made.setBatchmode(True)
    APP.activeWindow().addView(made)
    yield 250
    yield from wait(lambda: APP.activeDocument() == made and made.activeNode() is not None)
    node = made.rootNode().childNodes()[0]
    space = Space(node.colorModel(), node.colorDepth(), node.colorProfile())
    data = convert(picture(width, height), width, height, Space("RGBA", "U8", CODED), space)
    node.setPixelData(data, 0, 0, width, height)
    made.setActiveNode(node)
    # Two steps with names of their own, so that "one undo step" can be told from none and from two.
    for step, text in (("select_all", "Undo Select All"), ("deselect", "Undo Deselect")):
        APP.action(step).trigger()
        yield from wait(lambda text=text: undo_text() == text, 20, undo_text())
    settle(made)
    return made


def settle(made):
    """Krita paints in threads of its own: let them finish, so that the picture is what the layers say."""
    made.refreshProjection()
    made.waitForDone()


def state(made):
    """Everything that must be as before after an undo: layers, their pixels, the picture."""
    settle(made)
    area = (0, 0, made.width(), made.height())

    def look(node):
        return (
            node.name(), node.type(), node.visible(), node.locked(), node.opacity(), node.blendingMode(),
            hashlib.sha1(bytes(node.pixelData(*area))).hexdigest(), [look(child) for child in node.childNodes()],
        )  # fmt: skip

    return look(made.rootNode()), hashlib.sha1(bytes(made.pixelData(*area))).hexdigest()


def can_undo():
    """Whether there is a step after those of `document`."""
    return undo_text() != "Undo Deselect"


def undo_text():
    return APP.action("edit_undo").text().replace("&", "")


def undo(made):
    """Undo the newest step; nothing may have been undone before."""
    redo = APP.action("edit_redo")
    before = redo.text()
    for _ in range(4):
        settle(made)  # Krita takes an undo during work of its own for the end of that work
        APP.action("edit_undo").trigger()
        patience = time.monotonic() + 5
        while redo.text() == before and time.monotonic() < patience:
            yield 15
        if redo.text() != before:
            settle(made)
            return
    raise AssertionError(f"nothing was undone: {undo_text()}, {before}")


def activate(made, node):
    """Make a layer the current one. Krita goes to a layer that was added as its event loop turns, maybe after us."""
    for _ in range(20):
        settle(made)
        made.setActiveNode(node)
        yield 150
        if made.activeNode() == node:
            return
    raise AssertionError(f"{node.name()} did not become the current layer")


def names(made):
    return [node.name() for node in made.rootNode().childNodes()]


def finish(job, seconds=60.0):
    assert job is not None, f"no job: {model().backend.problem}"
    yield from wait(lambda: not job.open, seconds, f"the job did not end: {job.text}")
    yield 100


def choose(**changes):
    defaults = {
        "style": "tiny-sea", "strength": 1.0, "stroke_scale": 1.0, "colors": "style", "seed": 0,
        "source": "layer",
    }  # fmt: skip
    model().choices.choose_style(**{**defaults, **changes})


def paint():
    """Apply the chosen style to the current layer; its job, or None when that was refused."""
    jobs = model().layers.apply_style()
    return jobs[0] if jobs else None


def no_problem():
    problem = model().backend.problem
    assert problem is None, f"{problem.headline} {problem.detail} {problem.remedy}\n{model().context.mistakes.text}"


def cleanup():
    """After every scenario: previews off, all documents closed without a question."""
    model().preview.show(docker=False, canvas=False, detail=False)
    model().backend.cancel_all()
    model().backend.dismiss_problem()
    yield from close_all()


def close_all():
    """Krita's layer list catches up with changed layers by a timer, and crashes (in KisNodeModel's
    processUpdateQueue, seen in 5.2.9) where the document is gone by then: so it is given time before the end."""
    for each in APP.documents():
        settle(each)
        yield 400
        each.setBatchmode(True)
        each.setModified(False)
        each.close()
        yield 100


def near(one, other, tolerance):
    """Largest difference of two equally long rows of bytes is at most the tolerance."""
    assert len(one) == len(other)
    worst = max(abs(a - b) for a, b in zip(one, other))
    assert worst <= tolerance, f"off by {worst}"


# --- scenarios --------------------------------------------------------------------------------------------


def step_the_backend_is_started_when_the_docker_is_first_seen(figures):
    began = time.monotonic()
    docker().setVisible(True)
    docker().raise_()
    yield from wait(lambda: model().backend.packs_known or model().backend.problem, 60)
    no_problem()
    figures["seconds_to_packs"] = round(time.monotonic() - began, 2)
    found = [pack.id for pack in model().backend.styles("tiny")]
    assert found == ["tiny-field", "tiny-sea"], found
    tab = docker().style_tab
    yield from wait(lambda: all(model().backend.thumbnails.get(p.id) for p in model().backend.styles("tiny")))
    assert tab.grid.model().rowCount() == len(model().backend.styles()) >= 2
    tab.search.setText("tiny sea")
    assert tab.grid.model().rowCount() == 1
    tab.search.setText("")


def step_apply_makes_one_layer_and_one_undo_step(figures):
    made = yield from document()
    before = state(made)
    assert not can_undo()
    choose()
    yield from finish(paint())
    no_problem()
    assert names(made) == ["Background", "Tiny Sea"]
    layer = made.rootNode().childNodes()[1]
    assert layer.type() == "paintlayer" and not layer.locked()
    assert bytes(layer.pixelData(0, 0, 320, 240)) != bytes(made.rootNode().childNodes()[0].pixelData(0, 0, 320, 240))
    assert bytes(made.pixelData(160, 120, 1, 1)) == bytes(layer.pixelData(160, 120, 1, 1)), (
        "the canvas does not show it"
    )
    assert made.activeNode().name() == "Background", "the source must stay the current layer"
    figures.update({name: round(seconds, 4) for name, seconds in model().layers.timings.items()})
    yield from undo(made)
    assert state(made) == before
    assert not can_undo(), "more than one undo step"


def step_strength_0_gives_the_layer_back_in_every_space(figures):
    spaces = [
        ("RGBA", "U8", "", 0), ("RGBA", "U16", "", 0), ("RGBA", "U16", CODED, 0), ("RGBA", "F16", "", 0),
        ("RGBA", "F32", "", 0), ("GRAYA", "U8", "", 0), ("GRAYA", "U16", "", 0),
    ]  # fmt: skip
    choose(strength=0.0)
    for space in spaces:
        made = yield from document(96, 64, *space[:3])
        source = made.rootNode().childNodes()[0]
        yield from finish(paint())
        no_problem()
        layer = made.rootNode().childNodes()[1]
        given, got = bytes(source.pixelData(0, 0, 96, 64)), bytes(layer.pixelData(0, 0, 96, 64))
        figures["/".join(space[:3])] = sum(a != b for a, b in zip(given, got))
        assert given == got, f"{space}: {figures}"
        yield from close_all()


def step_other_models_and_depths_come_back_as_they_were(figures):
    spaces = [
        ("RGBA", "U16", ""), ("RGBA", "F32", ""), ("GRAYA", "U8", ""), ("CMYKA", "U8", ""), ("LABA", "U16", ""),
    ]  # fmt: skip
    choose()
    for space in spaces:
        made = yield from document(96, 64, *space)
        before = state(made)
        yield from finish(paint())
        no_problem()
        layer = made.rootNode().childNodes()[1]
        found = (layer.colorModel(), layer.colorDepth(), layer.colorProfile())
        assert found == (made.colorModel(), made.colorDepth(), made.colorProfile()), found
        figures["/".join(space[:2])] = made.pixelData(48, 32, 1, 1).toHex().data().decode()
        assert bytes(layer.pixelData(0, 0, 96, 64)).strip(b"\0"), "the layer is empty"
        yield from undo(made)
        assert state(made) == before, space
        assert not can_undo(), f"{space}: more than one undo step"
        yield from close_all()


def step_a_converted_picture_is_what_krita_makes_of_it(figures):
    """CMYK goes through sRGB and back by Krita's own engine; with strength 0 nothing else may happen to it."""
    from scumble_krita.layers.reading import convert, node_space
    from scumble_krita.layers.spaces import bridge_of

    choose(strength=0.0)
    made = yield from document(64, 48, "CMYKA", "U16")
    yield from finish(paint())
    no_problem()
    source, layer = made.rootNode().childNodes()
    space = node_space(source)
    there = convert(source.pixelData(0, 0, 64, 48), 64, 48, space, bridge_of(space))
    back = convert(there, 64, 48, bridge_of(space), space)
    assert bytes(layer.pixelData(0, 0, 64, 48)) == bytes(back)


def step_small_pictures_of_16_bits_are_what_krita_makes_of_them(figures):
    """Previews take a quicker way than Krita's color engine, within one step of 255 of it."""
    from scumble_krita.layers.reading import convert, in_8_bits
    from scumble_krita.layers.spaces import U8, Space

    values = [number * 1024 % 65536 for number in range(4 * 256)]
    for place in range(3, len(values), 4):
        values[place] = 65535 if place % 8 == 3 else 30000
    data = QByteArray(b"".join(value.to_bytes(2, "little") for value in values))
    for profile in (CODED, LINEAR):
        space = Space("RGBA", "U16", profile)
        near(in_8_bits(data, 16, 16, space), bytes(convert(data, 16, 16, space, U8)), 1)
    yield 1


def step_only_the_selection_is_painted_and_its_feather_is_a_mask(figures):
    made = yield from document()
    source = made.rootNode().childNodes()[0]
    selection = Selection()
    selection.select(100, 60, 120, 80, 255)
    selection.feather(8)
    made.setSelection(selection)
    yield 400
    can_undo_before = APP.action("edit_undo").text()
    assert "Add Layer" not in can_undo_before
    before = state(made)
    choose(strength=1.0)
    taken = model().canvas.take(lambda pixels: 1.0)[0]
    assert taken.image.width > taken.place.inner.width, "no context around the selection"
    yield from finish(paint())
    no_problem()
    layer = made.rootNode().childNodes()[1]
    masks = layer.childNodes()
    assert [mask.type() for mask in masks] == ["transparencymask"]
    x, y, w, h = selection.x(), selection.y(), selection.width(), selection.height()
    assert bytes(masks[0].pixelData(x, y, w, h)) == bytes(selection.pixelData(x, y, w, h)), (
        "the feather is not the mask"
    )
    bounds = layer.bounds()
    assert (bounds.x(), bounds.y(), bounds.width(), bounds.height()) == (x, y, w, h)
    outside, inside = (5, 5, 1, 1), (160, 100, 1, 1)
    settle(made)
    assert bytes(made.pixelData(*outside)) == bytes(source.pixelData(*outside))
    assert bytes(made.pixelData(*inside)) == bytes(layer.pixelData(*inside)) != bytes(source.pixelData(*inside))
    yield from undo(made)
    assert state(made) == before
    assert APP.action("edit_undo").text() == can_undo_before, (APP.action("edit_undo").text(), can_undo_before)


def step_groups_vectors_files_clones_and_masks_are_sources(figures):
    made = yield from document()
    root, background = made.rootNode(), made.rootNode().childNodes()[0]
    group = made.createGroupLayer("Group")
    root.addChildNode(group, background)
    child = made.createNode("Child", "paintlayer")
    child.setPixelData(picture(100, 80), 20, 20, 100, 80)
    group.addChildNode(child, None)
    vector = made.createVectorLayer("Vector")
    root.addChildNode(vector, group)
    vector.addShapesFromSvg('<svg><rect x="10" y="10" width="120" height="90" fill="#cc3322"/></svg>')
    clone = made.createCloneLayer("Clone", background)
    root.addChildNode(clone, vector)
    masked = made.createFilterMask("Mask", APP.filter("invert"), Selection())
    background.addChildNode(masked, None)
    made.refreshProjection()
    yield 300
    choose(strength=0.0)
    for node in (group, vector, clone, masked):
        yield from activate(made, node)
        yield from finish(paint())
        no_problem()
        layer = next((each for each in root.childNodes() if each.name().startswith("Tiny Sea")), None)
        assert layer is not None, f"{node.name()}: {names(made)}, {[each.name() for each in group.childNodes()]}"
        below = root.childNodes()[root.childNodes().index(layer) - 1]
        wanted = background if node == masked else node
        assert below.name() == wanted.name(), f"above {below.name()} instead of {wanted.name()}: {names(made)}"
        spot = (60, 60, 1, 1)
        assert bytes(layer.pixelData(*spot)) == bytes(wanted.projectionPixelData(*spot)), node.type()
        yield from undo(made)


def step_hidden_and_locked_layers_are_handled_as_an_artist_expects(figures):
    made = yield from document()
    background = made.rootNode().childNodes()[0]
    choose()
    background.setVisible(False)
    assert paint() is None
    assert "hidden" in model().backend.problem.headline and docker().message.isVisible()
    background.setVisible(True)
    background.setLocked(True)
    before = state(made)
    yield from finish(paint())
    no_problem()
    assert names(made) == ["Background", "Tiny Sea"] and state(made)[0][7][0] == before[0][7][0]
    group = made.createGroupLayer("Locked group")
    made.rootNode().addChildNode(group, None)
    child = made.createNode("Child", "paintlayer")
    child.setPixelData(picture(100, 80), 0, 0, 100, 80)
    group.addChildNode(child, None)
    group.setLocked(True)
    yield from activate(made, child)
    yield from finish(paint())
    assert [node.name() for node in group.childNodes()] == ["Child"], "a locked group was changed"
    yield from close_all()
    assert paint() is None and model().backend.problem.code == "no_document"


def step_a_mix_and_keep_colors_change_the_picture(figures):
    made = yield from document()
    pictures = []
    for changes in ({}, {"style": "tiny-sea + tiny-field"}, {"colors": "picture"}, {"stroke_scale": 2.0}):
        choose(**changes)
        yield from finish(paint())
        no_problem()
        pictures.append(bytes(made.rootNode().childNodes()[-1].pixelData(0, 0, 320, 240)))
    figures["pictures"] = [hashlib.sha1(each).hexdigest()[:6] for each in pictures]
    assert len(set(pictures)) == len(pictures)
    # Each new one lies on top of those made before, where it is seen.
    assert names(made) == ["Background", "Tiny Sea", "Tiny Sea + Tiny Field 50 %", "Tiny Sea 2", "Tiny Sea 3"]


def step_styles_are_placed_by_the_selection_and_by_masks(figures):
    """Each side has its own style; the selection places, it does not confine; what is missing is said in words."""
    from scumble_krita.scumble_editor.areas import Area

    from scumble_krita.layers import masks

    made = yield from document()
    choose(style="tiny-sea")
    yield from finish(paint())
    choose(style="tiny-field")
    yield from finish(paint())
    sea, field = (bytes(node.pixelData(0, 0, 320, 240)) for node in made.rootNode().childNodes()[1:3])
    selection = Selection()
    selection.select(0, 0, 160, 240, 255)
    made.setSelection(selection)
    choose(style="tiny-sea@selection + tiny-field@rest")
    tab = docker().style_tab
    assert [row.place.currentData() for row in tab.mix.rows] == ["selection", "rest"]
    yield from finish(paint())
    no_problem()
    layer = next(node for node in made.rootNode().childNodes() if node.name() == "Tiny Sea + Tiny Field")
    assert layer.childNodes() == []  # no mask: the whole layer is painted

    def apart(one, other, columns):
        rows = range(40, 200, 7)
        return sum(abs(one[4 * (320 * y + x)] - other[4 * (320 * y + x)]) for y in rows for x in columns)

    placed = bytes(layer.pixelData(0, 0, 320, 240))
    left, right = range(8, 60, 5), range(260, 312, 5)
    assert apart(placed, sea, left) < apart(placed, field, left)
    assert apart(placed, field, right) < apart(placed, sea, right)
    made.setSelection(None)
    settle(made)
    assert paint() is None and "nothing is selected" in model().backend.problem.text
    mask = made.createTransparencyMask("Sky")
    made.rootNode().childNodes()[1].addChildNode(mask, None)
    settle(made)
    choose(style="tiny-sea@mask:Sky + tiny-field@rest")
    assert "Sky" in model().canvas.mask_names()
    mask.setPixelData(QByteArray(bytes(320 * 240)), 0, 0, 320, 240)
    settle(made)
    yield from activate(made, made.rootNode().childNodes()[0])
    assert paint() is None and '"Sky" is empty' in model().backend.problem.text
    mask.setPixelData(QByteArray(b"\xff" * (320 * 120) + bytes(320 * 120)), 0, 0, 320, 240)
    settle(made)
    yield from finish(paint())
    no_problem()
    # A hidden layer as a map: light above, black in the middle, nothing below.
    fog = made.createNode("Fog", "paintlayer")
    fog.setPixelData(QByteArray(b"\xff" * (4 * 320 * 120) + b"\0\0\0\xff" * (320 * 60)), 0, 0, 320, 180)
    fog.setVisible(False)
    made.rootNode().addChildNode(fog, None)
    settle(made)
    assert "Fog" in model().canvas.layer_names()
    whole = Area(0, 0, 320, 240)
    for size in (None, (160, 120)):
        wide, high = size or (320, 240)
        read = masks.read_masks(made, fog, whole, ["luminance:Fog", "alpha:Fog"], size)
        for place, opaque in (("luminance:Fog", high // 2), ("alpha:Fog", 3 * high // 4)):
            assert len(read[place]) == wide * high
            assert [read[place][wide * y + 7] for y in (2, opaque - 3, opaque + 3)] == [255, 255, 0], (place, size)
    yield from activate(made, made.rootNode().childNodes()[0])
    choose(style="tiny-sea@luminance:Fog + tiny-field@rest")
    yield from finish(paint())
    no_problem()
    choose(style="tiny-sea@alpha:Gone + tiny-field@rest")
    assert paint() is None and 'no layer "Gone"' in model().backend.problem.text
    choose(style="tiny-sea@mask:Gone + tiny-field@rest")
    assert paint() is None and 'no mask "Gone"' in model().backend.problem.text
    choose()


def step_the_input_is_what_lies_below_or_all_that_is_visible(figures):
    """With strength 0 the result is the picture that was taken; a result that is edited again is not in it."""
    made = yield from document(160, 120)
    root, background = made.rootNode(), made.rootNode().childNodes()[0]

    def paper(name, parent, color, x):
        node = made.createNode(name, "paintlayer")
        node.setPixelData(QByteArray(bytes(color) * 4800), x, 20, 80, 60)
        parent.addChildNode(node, None)
        return node

    group = made.createGroupLayer("Group")
    root.addChildNode(group, background)
    inner = paper("Inner", group, (30, 60, 200, 120), 10)
    cover = paper("Cover", group, (200, 60, 30, 255), 40)
    top = paper("Top", root, (10, 200, 30, 255), 60)
    area = (0, 0, 160, 120)
    for node in (cover, top):
        node.setVisible(False)
    settle(made)
    below = bytes(made.pixelData(*area))
    for node in (cover, top):
        node.setVisible(True)
    settle(made)
    everything = bytes(made.pixelData(*area))
    count = len(APP.documents())
    yield from activate(made, inner)
    choose(strength=0.0, source="below")
    yield from finish(paint())
    no_problem()
    painted = group.childNodes()[1]
    assert [each.name() for each in group.childNodes()] == ["Inner", painted.name(), "Cover"]
    assert bytes(painted.pixelData(*area)) == below
    choose(strength=0.0, source="visible")
    yield from activate(made, inner)
    yield from finish(paint())
    no_problem()
    over = root.childNodes()[-1]
    assert over.name() != "Top" and bytes(over.pixelData(*area)) == everything
    over.setPixelData(QByteArray(b"\0\0\0\xff" * 160 * 120), *area)
    yield from activate(made, over)
    docker().style_tab.again.click()
    no_problem()
    yield 200
    model().preview.show(docker=True)
    yield from wait(lambda: model().preview.picture is not None)
    assert bytes(model().preview.before.data).strip(b"\0\xff"), "the layer that goes is in the preview"
    yield from finish(paint())
    no_problem()
    settle(made)
    assert bytes(root.childNodes()[-1].pixelData(*area)) == everything and len(root.childNodes()) == 4
    assert len(APP.documents()) == count, "a copy of the document was left behind"
    choose()


def step_a_painted_layer_is_edited_again_and_replaced(figures):
    """Its settings outlive saving; presets and last results bring theirs back, too."""
    made = yield from document()
    kept = model().shelves.shelf.kept
    choose(style="tiny-sea:0.6 + tiny-field:0.4", strength=0.5, seed=7)
    chosen = model().choices.style
    yield from finish(paint())
    no_problem()
    model().shelves.keep_preset("Two seas")
    choose(strength=0.9)
    model().layers.edit_again()
    assert "not painted" in model().backend.problem.text
    path = os.path.join(SHOTS, "made.kra")
    made.setBatchmode(True)
    assert made.saveAs(path)
    yield from close_all()
    made = APP.openDocument(path)
    made.setBatchmode(True)
    APP.activeWindow().addView(made)
    yield 500
    painted = made.rootNode().childNodes()[1]
    old = painted.uniqueId().toString()
    yield from activate(made, painted)
    tab = docker().style_tab
    tab.again.click()
    no_problem()
    yield 200
    assert model().choices.style == chosen and tab.apply.text() == "Replace" and len(tab.mix.rows) == 2
    assert made.activeNode().name() == "Background"
    model().choices.change_part(1, weight=0.1)
    yield from finish(paint())
    no_problem()
    settle(made)
    layers = made.rootNode().childNodes()
    assert layers[0].name() == "Background" and len(layers) == 2
    assert layers[1].uniqueId().toString() != old and tab.apply.text() == "Apply"
    tab.view.activated.emit(tab.view.findData("history"))
    yield 100
    assert model().shelves.shelf.view == "history" and tab.grid.keys()[:2] == ["0", "1"]
    assert [each.choices for each in kept.results()][1] == chosen
    tab.grid.chosen.emit("1")
    assert model().choices.style == chosen
    choose()
    tab.view.activated.emit(tab.view.findData("presets"))
    yield 100
    assert tab.grid.keys() == ["Two seas"]
    tab.grid.chosen.emit("Two seas")
    assert model().choices.style == chosen
    exported = os.path.join(SHOTS, "two.scumble")
    model().shelves.export_preset(exported, "Two seas")
    model().pack_files.look_into(exported)
    yield from wait(lambda: model().pack_files.offer is not None)
    assert model().pack_files.offer.details.pack.kind == "mix"
    model().pack_files.refuse()
    docker().widget().grab().save(os.path.join(SHOTS, "krita-presets.png"))
    for view in ("surprise", "here"):
        tab.view.activated.emit(tab.view.findData(view))
        began = time.monotonic()
        yield from wait(lambda: all(tile.picture is not None for tile in model().shelves.shelf.tiles()), 120.0)
        figures[f"{view}_s"] = round(time.monotonic() - began, 2)
        yield 1500
        docker().widget().grab().save(os.path.join(SHOTS, f"krita-{view}.png"))
    tab.view.activated.emit(tab.view.findData("styles"))
    model().shelves.remove_preset("Two seas")
    choose()


def step_the_preview_in_the_docker_follows_the_sliders(figures):
    made = yield from document(1600, 1200)
    before = state(made)
    choose()
    current = model()
    current.preview.show(docker=True)
    yield from wait(lambda: current.preview.picture is not None or current.preview.problem is not None)
    assert current.preview.problem is None, current.preview.problem
    assert max(current.preview.picture.info.width, current.preview.picture.info.height) == 320
    first = bytes(current.preview.picture.data)
    for strength in (0.1, 0.2, 0.3, 0.4, 0.5):
        docker().style_tab.strength._change(strength)
        yield 5
    yield from wait(lambda: not current.backend.preview.busy)
    assert current.choices.style.strength == 0.5 and bytes(current.preview.picture.data) != first
    yield 500
    choose(strength=0.6)
    yield from wait(lambda: not current.backend.preview.busy)
    figures["preview_round_trip_s"] = round(current.preview.seconds, 4)
    figures["preview_without_network_s"] = round(current.preview.seconds - current.preview.network_seconds, 4)
    current.preview.show(detail=True)
    yield from wait(lambda: not current.backend.preview.busy)
    assert current.preview.problem is None
    docker().grab().save(f"{SHOTS}/krita-preview.png")
    assert state(made) == before and not can_undo()


def step_the_preview_follows_painting_and_comes_back_after_a_trouble(figures):
    made = yield from document(400, 300)
    node = made.rootNode().childNodes()[0]
    choose()
    preview = model().preview
    preview.show(docker=True)
    yield from wait(lambda: preview.picture is not None, 60)
    before = bytes(preview.picture.data)
    node.setPixelData(QByteArray(b"\x20\x30\xf0\xff" * 10000), 50, 50, 100, 100)
    settle(made)
    began = time.monotonic()
    yield from wait(lambda: bytes(preview.picture.data) != before, 60, "it does not follow painting")
    figures["seconds_to_follow"] = round(time.monotonic() - began, 2)
    whole = preview.picture.info
    selection = Selection()
    selection.select(100, 80, 60, 120, 255)
    made.setSelection(selection)
    yield from wait(lambda: preview.picture is not None and preview.picture.info != whole, 60, "nor the selection")
    made.setSelection(None)
    yield from wait(lambda: preview.picture is not None and preview.picture.info == whole, 60, "nor its end")
    empty = made.createNode("Empty", "paintlayer")
    made.rootNode().addChildNode(empty, None)
    yield from activate(made, empty)
    yield from wait(lambda: preview.problem is not None, 60, "the trouble was not told")
    assert preview.problem.code == "layer_empty" and docker().style_tab.picture.text() == preview.problem.text
    yield from activate(made, node)
    yield from wait(lambda: preview.picture is not None and preview.problem is None, 60, "left the empty layer")
    node.setVisible(False)
    yield from wait(lambda: preview.problem is not None and preview.problem.code == "layer_hidden", 60)
    node.setVisible(True)
    yield from wait(lambda: preview.picture is not None and preview.problem is None, 60, "shown again")
    choose(strength=0.7)
    docker().style_tab.apply.click()
    yield from wait(lambda: len(names(made)) == 3, 60, "the button does nothing")
    no_problem()
    yield from wait(lambda: not model().backend.preview.busy, 60, "the preview is still to come")
    assert preview.picture is not None and docker().style_tab.picture.text() == ""


def overlay():
    """The widget that shows the preview over the canvas; None: there is none."""
    return model().canvas._overlay


def step_the_preview_on_the_canvas_is_in_no_file_and_in_no_undo_step(figures):
    made = yield from document(640, 480)
    before = state(made)
    plain, shown = os.path.join(SHOTS, "plain.png"), os.path.join(SHOTS, "shown.png")
    assert made.exportImage(plain, InfoObject())
    choose()
    APP.action("scumble_toggle_preview").trigger()
    yield from wait(lambda: overlay() is not None and overlay().isVisible(), 60, "no preview came")
    yield 300
    APP.activeWindow().qwindow().grab().save(f"{SHOTS}/krita-canvas-preview.png")
    assert names(made) == ["Background"] and state(made) == before and not can_undo()
    assert made.exportImage(shown, InfoObject())
    assert QImage(plain) == QImage(shown), "the preview is in the exported file"
    image = overlay()._image.copy()
    choose(style="tiny-field")
    yield from wait(lambda: overlay()._image != image, 60, "the preview did not follow")
    view = APP.activeWindow().activeView()
    view.canvas().setRotation(30.0)
    view.canvas().setMirror(True)
    yield 400
    figures["turned"] = [round(each, 3) for each in (overlay()._transform.m11(), overlay()._transform.m12())]
    assert overlay()._transform.m12() != 0 and overlay()._transform.m11() < 0, "it does not turn with the view"
    APP.activeWindow().qwindow().grab().save(f"{SHOTS}/krita-canvas-preview-turned.png")
    view.canvas().setMirror(False)
    view.canvas().setRotation(0.0)
    yield from finish(paint())
    no_problem()
    assert names(made) == ["Background", "Tiny Field"]
    assert not model().preview.on_canvas and overlay() is None
    yield from undo(made)
    assert state(made) == before and not can_undo(), "more than one undo step"


def step_the_preview_on_the_canvas_goes_where_the_artist_goes(figures):
    """Switched off, to another document, closed with its document, and back."""
    made = yield from document(200, 160, "RGBA", "U16")
    choose()
    model().preview.show(canvas=True)
    yield from wait(lambda: overlay() is not None, 60, "no preview came")
    model().preview.show(canvas=False)
    assert overlay() is None
    model().preview.show(canvas=True)
    yield from wait(lambda: overlay() is not None, 60, "no preview came")
    first = overlay().parentWidget()
    other = yield from document(240, 180)
    yield from wait(lambda: overlay() is not None and overlay().parentWidget() != first, 60, "it stayed behind")
    other.setModified(False)
    other.close()
    yield from wait(lambda: APP.activeDocument() == made)
    yield from wait(lambda: overlay() is not None and overlay().parentWidget() == first, 60, "it did not come back")
    for _ in range(4):
        passing = yield from document(100, 80)
        passing.setModified(False)
        passing.close()
        yield 50
    yield 600
    no_problem()
    assert model().context.mistakes.text == "", model().context.mistakes.text


def step_a_cancelled_job_leaves_no_trace(figures):
    made = yield from document(2400, 1800)
    before = state(made)
    choose()
    job = paint()
    yield from wait(lambda: job.state == "running")
    began = time.monotonic()
    model().backend.cancel(job)
    yield from finish(job, 20)
    figures["seconds_to_stop"] = round(time.monotonic() - began, 3)
    assert job.state == "cancelled", job.text
    assert state(made) == before and not can_undo()


def step_closing_the_document_mid_job_is_safe(figures):
    made = yield from document(1200, 900)
    choose()
    job = paint()
    yield from wait(lambda: job.state == "running")
    made.setModified(False)
    made.close()
    yield from finish(job)
    assert job.state == "cancelled" and "closed" in job.text, job.text
    other = yield from document()
    yield from finish(paint())
    assert names(other) == ["Background", "Tiny Sea"], "the next job must work"


def step_results_follow_a_document_that_is_changed_meanwhile(figures):
    """With strength 0 the result is the layer itself, so it must fit the layer wherever that has gone."""
    choose(strength=0.0)
    crop = lambda made: made.crop(40, 30, 200, 150)  # noqa: E731
    changes = {
        "cropped": (crop, "follows", 0),
        "enlarged canvas": (lambda made: made.resizeImage(-20, -10, 400, 300), "follows", 0),
        "turned left": (lambda made: made.rotateImage(-math.pi / 2), "follows", 0),
        "turned right": (lambda made: made.rotateImage(math.pi / 2), "follows", 0),
        "upside down": (lambda made: made.rotateImage(math.pi), "follows", 0),
        "mirrored": (lambda made: APP.action("mirrorImageHorizontal").trigger(), "follows", 0),
        "scaled": (lambda made: made.scaleImage(160, 120, 72, 72, "Bicubic"), "scaled", 2),
        "deeper": (lambda made: made.setColorSpace("RGBA", "U16", CODED), "", 1),
        "gray": (lambda made: made.setColorSpace("GRAYA", "U8", "Gray-D50-elle-V2-srgbtrc.icc"), "", 1),
        "painted on": (lambda made: grain(made, 2), "as it was", None),
    }
    for name, (change, said, tolerance) in changes.items():
        made = yield from document()
        if name not in ("scaled", "gray"):
            grain(made)
        job = paint()
        change(made)
        settle(made)
        yield from finish(job)
        no_problem()
        assert said in job.text and (said or job.text == "Done"), (
            f"{name}: {job.text} {made.width()} x {made.height()}"
        )
        source, layer = made.rootNode().childNodes()[:2]
        assert (layer.colorModel(), layer.colorDepth()) == (made.colorModel(), made.colorDepth()), name
        area = (20, 10, 320, 240) if name == "enlarged canvas" else (0, 0, made.width(), made.height())
        if tolerance is not None:
            every = slice(1, None, 2) if made.colorDepth() == "U16" else slice(None)  # the upper byte of 16 bits
            one, other = (bytes(each.pixelData(*area))[every] for each in (layer, source))
            assert len(one) == len(other) and max(abs(a - b) for a, b in zip(one, other)) <= tolerance, name
        figures[name] = job.text
        yield from close_all()


def step_a_selection_that_was_painted_follows_with_its_mask(figures):
    choose(strength=0.0)
    made = yield from document()
    grain(made)
    selection = Selection()
    selection.select(60, 50, 90, 70, 255)
    selection.feather(5)
    made.setSelection(selection)
    yield 200
    job = paint()
    made.setSelection(None)
    made.rotateImage(math.pi / 2)
    settle(made)
    yield from finish(job)
    no_problem()
    source, layer = made.rootNode().childNodes()
    bounds = layer.bounds()
    rect = (bounds.x(), bounds.y(), bounds.width(), bounds.height())
    assert rect[2:] == (selection.height(), selection.width()), rect
    assert bytes(layer.childNodes()[0].pixelData(*rect)).strip(b"\0"), "its mask did not follow"
    inside = (rect[0] + 20, rect[1] + 20, 10, 10)
    assert bytes(layer.pixelData(*inside)) == bytes(source.pixelData(*inside)), "it lies elsewhere"


def step_a_result_whose_place_is_gone_is_kept(figures):
    choose(strength=0.0)
    made = yield from document()
    grain(made)
    before = all_pixels(made, made.rootNode().childNodes()[0])
    job = paint()
    made.rotateImage(0.4)
    settle(made)
    yield from finish(job)
    no_problem()
    assert "document of its own" in job.text, job.text
    assert names(made) == ["Background"]
    apart = next(each for each in APP.documents() if each != made)
    layer = next(each for each in apart.rootNode().childNodes() if each.type() == "paintlayer")
    assert layer.name() == "Tiny Sea (0 %)" and all_pixels(apart, layer) == before, layer.name()


def step_a_selection_off_the_canvas_is_refused(figures):
    made = yield from document()
    before = state(made)
    choose()
    for rect in ((400, 300, 20, 20), None):
        selection = Selection()
        if rect:
            selection.select(*rect, 255)
        made.setSelection(selection)
        yield 100
        for refused in (paint, lambda: model().layers.upscale("layer")):
            assert refused() is None
            assert model().backend.problem.code == "selection_outside", model().backend.problem
            model().backend.dismiss_problem()
    made.setSelection(None)
    assert state(made)[1] == before[1] and names(made) == ["Background"]


def step_a_selection_mask_of_the_layer_confines_painting_while_it_is_active(figures):
    made = yield from document()
    node = made.rootNode().childNodes()[0]
    selection = Selection()
    selection.select(40, 30, 100, 80, 255)
    idle = made.createSelectionMask("Idle")  # one that Python makes is not active
    idle.setSelection(selection)
    node.addChildNode(idle, None)
    yield from activate(made, node)
    choose()
    yield from finish(paint())
    assert made.rootNode().childNodes()[1].bounds().width() == 320, "a mask that is not active confined it"
    idle.remove()
    made.rootNode().childNodes()[1].remove()
    made.setSelection(selection)
    yield from activate(made, node)
    APP.action("add_new_selection_mask").trigger()
    yield 500
    made.setSelection(None)
    yield from activate(made, node)
    yield 300
    assert [each.type() for each in node.childNodes()] == ["selectionmask"]
    yield from finish(paint())
    no_problem()
    bounds = made.rootNode().childNodes()[1].bounds()
    assert (bounds.x(), bounds.y(), bounds.width(), bounds.height()) == (40, 30, 100, 80), bounds


def animated(made, times=(0, 3, 7)):
    """Give the Background keyframes with other pixels in each; made by actions, as an artist makes them."""
    node = made.rootNode().childNodes()[0]
    size = (made.width(), made.height())
    node.enableAnimation()
    made.setFullClipRangeEndTime(12)
    for time_ in times:
        if time_:
            made.setCurrentTime(time_)
            made.waitForDone()
            yield 200
            APP.action("add_blank_frame").trigger()
            yield from wait(lambda at=time_: node.hasKeyframeAtTime(at), 20, "no keyframe was added")
            made.waitForDone()
        data = bytearray(random.Random(time_).randbytes(size[0] * size[1] * 4))
        data[3::4] = b"\xff" * (len(data) // 4)
        node.setPixelData(QByteArray(bytes(data)), 0, 0, *size)
    made.setCurrentTime(0)
    settle(made)
    yield 600  # the step of the switched time is shown late
    return node


def frames_of(made, node, times=(0, 3, 7)):
    return [bytes(node.pixelDataAtTime(0, 0, made.width(), made.height(), at)) for at in times]


def last_frame(count=3):
    """Wait until the job of the last frame has ended."""

    def there():
        jobs = model().backend.jobs
        assert model().backend.problem is None, model().backend.problem
        return jobs and f"frame {count} of {count}" in jobs[-1].title and not jobs[-1].open

    yield from wait(there, 90, f"{[job.text for job in model().backend.jobs]}")
    yield 200


def step_all_frames_of_a_layer_are_painted_in_one_undo_step(figures):
    made = yield from document(96, 64)
    node = yield from animated(made)
    before, known = frames_of(made, node), undo_text()
    choose(strength=0.0)
    assert "frame 1 of 3" in model().layers.paint_frames().title
    yield from last_frame()
    no_problem()
    layer = made.rootNode().childNodes()[-1]
    assert names(made) == ["Background", "Tiny Sea (0 %)"] and undo_text() == "Undo Add Layer"
    assert [at for at in range(12) if layer.hasKeyframeAtTime(at)] == [0, 3, 7]
    assert frames_of(made, layer) == before == frames_of(made, node), "strength 0 gives the frames back"
    assert made.currentTime() == 0 and len(APP.documents()) == 1
    yield from undo(made)
    assert names(made) == ["Background"] and undo_text() == known, f"more than one undo step: {undo_text()}"

    selection = Selection()
    selection.select(20, 10, 40, 30, 255)
    selection.feather(3)
    made.setSelection(selection)
    choose()
    began = time.monotonic()
    model().layers.paint_frames()
    yield from last_frame()
    no_problem()
    figures["seconds_for_3_frames"] = round(time.monotonic() - began, 2)
    layer = made.rootNode().childNodes()[1]
    masks = layer.childNodes()
    assert [mask.type() for mask in masks] == ["transparencymask"], names(made)
    for painted, own in zip(frames_of(made, layer), before):
        assert painted != own
    assert bytes(masks[0].pixelData(0, 0, 3, 3)) == bytes(9) and bytes(masks[0].pixelData(40, 25, 1, 1)) == b"\xff"
    made.setCurrentTime(7)
    settle(made)
    yield 100
    assert bytes(made.pixelData(40, 25, 1, 1)) == bytes(layer.pixelDataAtTime(40, 25, 1, 1, 7)), "is not shown"
    assert bytes(made.pixelData(0, 0, 1, 1)) == bytes(node.pixelDataAtTime(0, 0, 1, 1, 7)), "outside the selection"


def step_painted_frames_follow_their_document_or_leave_no_trace(figures):
    made = yield from document(96, 64)
    assert model().layers.paint_frames() is None and model().backend.problem.code == "no_frames"
    model().backend.dismiss_problem()
    node = yield from animated(made)
    choose(strength=0.0)
    model().layers.paint_frames()
    made.rotateImage(math.pi / 2)
    settle(made)
    yield from last_frame()
    no_problem()
    node, layer = made.rootNode().childNodes()
    assert "follows it" in model().backend.jobs[-1].text, model().backend.jobs[-1].text
    assert (made.width(), made.height()) == (64, 96) and frames_of(made, layer) == frames_of(made, node)
    yield from activate(made, node)
    model().layers.paint_frames()
    model().backend.cancel(model().backend.jobs[-1])
    yield from wait(lambda: not any(job.open for job in model().backend.jobs))
    yield 300
    assert len(names(made)) == 2 and len(APP.documents()) == 1, "a cancelled job left something behind"
    before = frames_of(made, node)
    model().layers.paint_frames()
    made.rotateImage(0.4)
    settle(made)
    yield from last_frame()
    no_problem()
    assert "document of its own" in model().backend.jobs[-1].text
    apart = next(each for each in APP.documents() if each != made)
    layer = apart.rootNode().childNodes()[-1]
    assert frames_of(apart, layer) == before and len(names(made)) == 2


def step_two_documents_get_each_their_own_layer(figures):
    second = yield from document(300, 200)
    first = yield from document(3200, 2400)  # long enough to be still at work when the other one is asked for
    choose(style="tiny-sea")
    one = paint()
    next(view for view in APP.activeWindow().views() if view.document() == second).setVisible()
    yield from wait(lambda: APP.activeDocument() == second)
    choose(style="tiny-field")
    two = paint()
    assert len([job for job in model().backend.jobs if job.open]) == 2
    docker().tabs.setCurrentWidget(docker().jobs_tab)
    yield from finish(one)
    yield from finish(two)
    assert names(first) == ["Background", "Tiny Sea"] and names(second) == ["Background", "Tiny Field"]


def step_all_selected_layers_are_painted_each_into_its_own(figures):
    made = yield from document()
    root, background = made.rootNode(), made.rootNode().childNodes()[0]
    second = made.createNode("Second", "paintlayer")
    second.setPixelData(picture(200, 150), 40, 30, 200, 150)
    root.addChildNode(second, background)
    yield from activate(made, background)
    APP.action("select_all_layers").trigger()
    yield from wait(lambda: len(APP.activeWindow().activeView().selectedNodes()) == 2, 10, "not both are selected")
    choose()
    jobs = model().layers.apply_style()
    assert len(jobs) == 2, [job.title for job in jobs]
    for job in jobs:
        yield from finish(job)
    no_problem()
    assert names(made) == ["Background", "Tiny Sea", "Second", "Tiny Sea 2"], names(made)
    bounds = root.childNodes()[3].bounds()
    assert (bounds.x(), bounds.y(), bounds.width(), bounds.height()) == (40, 30, 200, 150)


def step_upscaling_a_layer_adds_a_larger_one(figures):
    made = yield from document(120, 90)
    before = state(made)
    model().choices.choose_upscale(factor=2.0, model="tiny-twice", source="layer")
    model().layers.upscale()
    yield from finish(model().backend.jobs[-1])
    no_problem()
    layer = made.rootNode().childNodes()[1]
    bounds = layer.bounds()
    assert layer.name() == "Background ×2"
    assert (bounds.x(), bounds.y(), bounds.width(), bounds.height()) == (-60, -45, 240, 180)
    yield from undo(made)
    assert state(made) == before and not can_undo()
    selection = Selection()
    selection.select(10, 10, 40, 30, 255)
    selection.feather(3)
    made.setSelection(selection)
    yield 100
    APP.action("scumble_upscale_selection").trigger()
    yield from finish(model().backend.jobs[-1])
    no_problem()
    layer = made.rootNode().childNodes()[1]
    assert layer.bounds().width() == 2 * selection.width()
    assert [mask.type() for mask in layer.childNodes()] == ["transparencymask"]


def enlarged(name):
    """Wait for the enlarged document and return it."""
    yield from wait(
        lambda: len(APP.documents()) == 2 and APP.activeDocument() and APP.activeDocument().name() == name, 60,
        f"{[each.name() for each in APP.documents()]}, {[job.text for job in model().backend.jobs]}",
    )  # fmt: skip
    yield 500
    made = APP.activeDocument()
    made.setBatchmode(True)
    return made


def step_upscaling_a_document_keeps_its_layers(figures):
    made = yield from document(100, 80, "RGBA", "U16")
    root = made.rootNode()
    group = made.createGroupLayer("Figures")
    root.addChildNode(group, None)
    child = made.createNode("Child", "paintlayer")
    child.setPixelData(QByteArray(b"\x00\x10\x00\x80\x00\xf0\xff\xff" * 600), 10, 20, 30, 20)
    mask = made.createTransparencyMask("Hole")
    mask.setPixelData(QByteArray(b"\x80" * 600), 10, 20, 30, 20)
    child.addChildNode(mask, None)
    group.addChildNode(child, None)
    child.setOpacity(128)
    child.setBlendingMode("multiply")
    group.setVisible(False)
    yield 100
    model().choices.choose_upscale(factor=2.0, model="tiny-twice", source="document")
    model().layers.upscale()
    job = model().backend.jobs[-1]
    yield from finish(job)
    assert "layer 1 of 2" in job.title, job.title
    yield from finish(model().backend.jobs[-1])
    no_problem()
    larger = yield from enlarged("Sketch ×2")
    assert (larger.width(), larger.height()) == (200, 160)
    assert (larger.colorModel(), larger.colorDepth(), larger.colorProfile()) == (
        made.colorModel(), made.colorDepth(), made.colorProfile(),
    )  # fmt: skip
    assert names(larger) == ["Background", "Figures"], names(larger)
    new = larger.rootNode().childNodes()[1]
    assert not new.visible()
    copy = new.childNodes()[0]
    bounds = copy.bounds()
    assert (bounds.x(), bounds.y(), bounds.width(), bounds.height()) == (20, 40, 60, 40)
    assert (copy.name(), copy.opacity(), copy.blendingMode()) == ("Child", 128, "multiply")
    assert [each.name() for each in copy.childNodes()] == ["Hole"]
    assert bytes(copy.childNodes()[0].pixelData(30, 50, 1, 1)) == b"\x80"


def step_an_enlarged_document_keeps_what_can_be_kept_and_names_the_rest(figures):
    made = yield from document(100, 80)
    made.setResolution(300)
    root, background = made.rootNode(), made.rootNode().childNodes()[0]
    group = made.createGroupLayer("Figures")
    root.addChildNode(group, None)
    child = made.createNode("Child", "paintlayer")
    child.setPixelData(QByteArray(b"\x10\x80\xf0\xff" * 1600), -20, -20, 40, 40)
    group.addChildNode(child, None)
    hole = made.createTransparencyMask("Hole")
    group.addChildNode(hole, child)
    hole.setPixelData(QByteArray(b"\x80" * 8000), 0, 0, 100, 80)
    words = made.createVectorLayer("Words")
    root.addChildNode(words, None)
    words.addShapesFromSvg(
        '<svg><rect x="2" y="3" width="10" height="8" fill="#cc3322"/><text x="2" y="16" font-size="4">Hi</text>'
        "</svg>"
    )
    blur = made.createFilterLayer("Soft", APP.filter("blur"), Selection())
    root.addChildNode(blur, None)
    clone = made.createCloneLayer("Twin", background)
    root.addChildNode(clone, None)
    child.setAlphaLocked(True)
    child.setColorLabel(3)
    made.setHorizontalGuides([10.0, 30.0])
    made.setVerticalGuides([20.0])
    selection = Selection()
    selection.select(10, 10, 40, 30, 255)
    made.setSelection(selection)
    settle(made)
    yield 300
    was = words.bounds()
    model().choices.choose_upscale(factor=2.0, model="tiny-twice", source="document")
    jobs = model().layers.upscale()
    yield from finish(jobs[0])
    larger = yield from enlarged("Sketch ×2")
    no_problem()
    settle(larger)
    assert len(APP.documents()) == 2 and larger.fileName() == ""
    assert larger.modified(), "it can be closed without a question"
    undone = [node.name() for node in larger.rootNode().childNodes()]
    APP.action("edit_undo").trigger()
    yield 500
    assert [node.name() for node in larger.rootNode().childNodes()] == undone, "it opens with undo steps"
    by_name = {node.name(): node for node in larger.rootNode().childNodes()}
    new = by_name["Figures"]
    assert [node.name() for node in new.childNodes()] == ["Child", "Hole"], "the group's mask is lost"
    assert bytes(new.projectionPixelData(10, 10, 1, 1))[3] == 0x80, "the group's mask does not work"
    kept = new.childNodes()[0]
    bounds = kept.bounds()
    assert (bounds.x(), bounds.y(), bounds.width(), bounds.height()) == (-40, -40, 80, 80), (
        "what lay off the canvas is lost"
    )
    assert kept.alphaLocked() and kept.colorLabel() == 3
    texts = by_name["Words"]
    assert texts.type() == "vectorlayer" and "KoSvgTextShapeID" in [shape.type() for shape in texts.shapes()]
    now = texts.bounds()
    figures["shapes"] = [[each.x(), each.y(), each.width(), each.height()] for each in (was, now)]
    assert abs(now.width() - 2 * was.width()) <= 3 and abs(now.x() - 2 * was.x()) <= 3, figures
    assert larger.horizontalGuides() == [20.0, 60.0] and larger.verticalGuides() == [40.0]
    assert larger.selection() is not None and larger.selection().width() == 80
    assert larger.xRes() == 300
    note = model().backend.jobs[-1].text
    figures["note"] = note
    assert "Soft" in note and "Twin" in note and "300 ppi" in note, note
    APP.activeWindow().qwindow().grab().save(f"{SHOTS}/krita-enlarged.png")


def step_a_pack_is_dropped_installed_used_and_removed(figures):
    from scumble_krita.docker import dropped_pack

    yield from document()  # without one, Krita hides its dockers
    path = os.path.join(PACKS, "tiny-ink.scumble")
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(path)])
    assert dropped_pack(data) == path
    data.setUrls([QUrl.fromLocalFile(path + ".txt")])
    assert dropped_pack(data) == ""
    docker().tabs.setCurrentWidget(docker().packs_tab)
    model().pack_files.look_into(path)
    yield from wait(lambda: model().pack_files.offer is not None or model().backend.problem)
    no_problem()
    assert model().pack_files.offer.details.pack.title == "Tiny Ink"
    yield 300
    dialog = QApplication.activeModalWidget()
    assert dialog is not None, "nobody asked"
    dialog.grab().save(f"{SHOTS}/krita-install.png")
    dialog.accept()
    yield from wait(lambda: model().backend.pack("tiny-ink") is not None)
    choose(style="tiny-ink")
    yield from finish(paint())
    no_problem()
    made = APP.activeDocument()
    assert names(made) == ["Background", "Tiny Ink"]
    model().pack_files.remove("tiny-ink")
    yield from wait(lambda: model().backend.pack("tiny-ink") is None)
    no_problem()
    assert "tiny-ink" not in model().choices.style.packs


def step_a_damaged_pack_is_refused_in_words(figures):
    yield from document()
    path = os.path.join(PACKS, "damaged.scumble")
    with open(path, "wb") as file:
        file.write(b"PK no zip at all")
    model().pack_files.look_into(path)
    yield from wait(lambda: model().backend.problem is not None)
    problem = model().backend.problem
    assert problem.code.startswith("pack") and "Traceback" not in problem.text and problem.remedy, problem
    assert docker().message.isVisible()


def step_a_killed_backend_is_told_and_started_again(figures):
    """The picture that was under way is painted by the next backend, and the document has it as one step."""
    made = yield from document(1600, 1200)
    choose()
    job = paint()
    yield from wait(lambda: job.state == "running")
    yield from ring("kill the backend")
    killed = time.perf_counter()
    yield from wait(lambda: job.sent_again, 5, "the loss was not noticed")
    figures["noticed_after_s"] = round(time.perf_counter() - killed, 2)
    yield from finish(job, 180)  # it loads PyTorch first
    figures["painted_after_s"] = round(time.perf_counter() - killed, 2)
    assert job.state == "done" and "started again" in job.text, job.text
    assert names(made) == ["Background", "Tiny Sea"]
    no_problem()
    choose(strength=0.5)
    small = yield from document()
    yield from finish(paint())
    assert names(small) == ["Background", "Tiny Sea (50 %)"]


def step_a_large_layer_is_quick_but_for_the_network(figures):
    """4000 x 3000 RGBA U8 by the road alone (Copy), then what the main thread did meanwhile."""
    from scumble_krita.scumble_wire.messages import Copy

    from scumble_krita.layers import reading, writing

    made = yield from document(4000, 3000)
    settle(made)
    yield 3000  # Krita makes thumbnails of a new document
    backend, clock = model().backend, time.perf_counter
    begun = clock()
    taken = model().canvas.take(lambda pixels: 1.0)[0]
    read = clock()
    done = {}

    def insert(job, delivery):
        done["arrived"] = clock()
        image = delivery.message.image
        parts = {}

        def timed(name, function):
            def run(*arguments):
                started = clock()
                result = function(*arguments)
                parts[name] = round(clock() - started, 4)
                return result

            return run

        kept = writing.add_above, writing.fill
        writing.add_above = timed("krita_adds_the_layer_s", kept[0])
        writing.fill = timed("krita_takes_the_pixels_s", kept[1])
        try:
            layer, _ = writing.insert_result(taken, image, delivery.frames[image.frame], "Copy")
        finally:
            writing.add_above, writing.fill = kept
        figures.update(parts)
        done["inserted"], done["layer"] = clock(), layer
        done["seconds"] = delivery.message.seconds

    job = backend.submit(Copy(taken.image, title="Road"), [taken.frame], on_done=insert)
    submitted = clock()
    longest, turns, last = 0.0, 0, clock()
    while job.open:
        yield 1
        now = clock()
        if job.open:
            longest = max(longest, now - last)
        turns, last = turns + 1, now
        assert now - begun < 60, "the road is blocked"
    assert job.state == "done", job.text
    figures["reading_s"] = round(read - begun, 4)
    figures["submitting_s"] = round(submitted - read, 4)
    figures["sending_s"] = round(job.marks["accepted"] - job.marks["posted"], 4)
    figures["backend_s"] = round(done["seconds"], 4)
    on_the_road = job.marks["arrived"] - job.marks["accepted"] - done["seconds"]
    figures["receiving_s"] = round(max(0.0, on_the_road), 4)
    figures["inserting_s"] = round(done["inserted"] - done["arrived"], 4)
    settled = clock()
    settle(made)
    figures["krita_repaints_s"] = round(clock() - settled, 4)
    figures["total_s"] = round(done["inserted"] - begun, 4)
    figures["longest_turn_while_waiting_s"] = round(longest, 4)
    figures["turns"] = turns
    figures["all_but_the_network_s"] = round(done["inserted"] - begun - done["seconds"], 4)
    assert bytes(done.pop("layer").pixelData(0, 0, 4000, 3000)) == bytes(
        reading.read_node(made.activeNode(), taken.place.area)
    )


def step_a_style_is_learned_paused_and_appears_in_the_grid(figures):
    yield from document(160, 120)
    docker().tabs.setCurrentWidget(docker().train_tab)
    current = model()
    current.training.recipe = os.environ["SCUMBLE_RECIPE"]
    current.choices.choose_train(name="Tiny Lesson", source="layer", quality="quick")
    job = current.training.start()
    no_problem()
    yield from wait(lambda: (job.state == "running" and job.fraction > 0) or not job.open, 90, job.text)
    assert job.open, job.text
    current.backend.pause(job)
    yield from wait(lambda: job.state == "paused" or not job.open, 60, job.text)
    figures["paused_at"] = round(job.fraction, 3)
    assert job.state == "paused", job.text
    docker().grab().save(f"{SHOTS}/krita-training.png")
    current.backend.resume(job)
    yield from wait(lambda: job.state == "running", 60, job.text)
    yield from wait(lambda: not job.open, 120, job.text)
    assert job.state == "done", job.text
    figures["previewed"] = job.preview is not None
    yield from wait(lambda: current.backend.styles("lesson"), 20, "the style did not appear")
    assert docker().style_tab.grid.model().rowCount() == len(current.backend.styles())
    choose(style=current.backend.styles("lesson")[0].id)
    yield from finish(paint())
    no_problem()
    current.training.recipe = ""


def step_settings_are_shown_and_kept(figures):
    model().backend.refresh_status()
    yield from wait(lambda: model().backend.status is not None)
    tab = docker().settings_tab
    docker().tabs.setCurrentWidget(tab)
    yield 200
    tab.idle.setValue(7)
    tab.idle.editingFinished.emit()
    yield from wait(lambda: model().backend.status.idle_release_s == 420)
    tab.copy.click()
    text = QApplication.clipboard().text()
    assert "Scumble plugin" in text and "Krita 5." in text and "idle release 420 s" in text, text


def step_the_help_menu_has_the_manual(figures):
    from scumble_krita.scumble_editor.guide import manual

    yield 200
    menus = [action.menu() for action in APP.activeWindow().qwindow().menuBar().actions() if action.menu()]
    menu = next(each for each in menus if each.objectName() == "help")
    found = [action.objectName() for action in menu.actions()]
    assert "scumble_manual" in found, found
    assert "Version " in manual().read_text("utf-8")


def menu_action(*path):
    """The action at the end of a path through Krita's menus, by the words that are read there."""

    def plain(text):
        return text.replace("&", "").removesuffix("...")

    actions = APP.activeWindow().qwindow().menuBar().actions()
    for number, word in enumerate(path):
        found = [each for each in actions if plain(each.text()) == word]
        assert found, (path, word, [each.text() for each in actions])
        if number + 1 < len(path):
            found[0].menu().aboutToShow.emit()
            actions = found[0].menu().actions()
    return found[0]


def button(word):
    """What is pressed under this word in the docker as it is seen now."""
    found = [each for each in docker().findChildren(QAbstractButton) if each.text() == word and each.isVisible()]
    assert len(found) == 1, (word, found)
    assert found[0].isEnabled(), word
    return found[0]


def step_the_quick_start_leads_where_it_says(figures):
    """docs/quickstart-krita.md from its second step on, by the words it names and with the mouse."""
    docker().setVisible(False)
    made = yield from document(600, 400)
    shown = menu_action("Settings", "Dockers", "Scumble")
    if not shown.isChecked():
        shown.trigger()
    docker().raise_()  # where it shares a place with other dockers, its tab has to be pressed
    yield from wait(docker().isVisible, 60, f"hidden: {docker().isHidden()}, floats: {docker().isFloating()}")
    yield from wait(lambda: model().backend.packs_known, 60, "no packs")
    tab = docker().style_tab
    docker().tabs.setCurrentWidget(tab)
    tab.search.setText("tiny sea")
    yield 300
    view = tab.grid
    place = view.visualRect(view.model().index(0, 0)).center()
    QTest.mouseClick(view.viewport(), Qt.LeftButton, Qt.NoModifier, place)
    yield 300
    assert model().choices.style.style == "tiny-sea"
    tab.search.setText("")
    if not model().preview.in_docker:
        QTest.mouseClick(button("Preview"), Qt.LeftButton)
    yield from wait(lambda: model().preview.picture is not None, 60)
    QTest.mouseClick(button("◧"), Qt.LeftButton)
    yield 500
    docker().grab().save(f"{SHOTS}/quick-start-3.png")
    QTest.mouseClick(button("◧"), Qt.LeftButton)
    QTest.mouseClick(button("Apply"), Qt.LeftButton)
    yield from wait(lambda: "Tiny Sea" in names(made), 60, "no new layer")
    yield 300
    assert names(made) == ["Background", "Tiny Sea"]
    APP.activeWindow().qwindow().grab().save(f"{SHOTS}/quick-start-4.png")
    assert "Z" in menu_action("Edit", "Undo Add Layer").shortcut().toString(), undo_text()
    yield from undo(made)
    assert names(made) == ["Background"]
    area = Selection()
    area.select(150, 0, 300, 400, 255)
    area.feather(12)
    made.setSelection(area)
    menu_action("Select", "Feather Selection")
    yield 300
    QTest.mouseClick(button("Apply"), Qt.LeftButton)
    yield from wait(lambda: "Tiny Sea" in names(made), 60, "no new layer")
    yield 500
    masks = made.rootNode().childNodes()[1].childNodes()
    assert [each.type() for each in masks] == ["transparencymask"]
    APP.activeWindow().qwindow().grab().save(f"{SHOTS}/quick-start-5.png")
    button("Mix in a style")
    assert "Upscale" in [
        docker().tabs.tabText(n) or docker().tabs.tabToolTip(n) for n in range(docker().tabs.count())
    ]


def step_choices_outlive_krita(figures):
    from scumble_krita.scumble_editor.choices import ChoicesFile, StyleChoices

    choose(strength=0.4, seed=3)
    kept = ChoicesFile(model().choices.file.path).get("style", StyleChoices)
    assert kept == model().choices.style and kept.seed == 3
    yield 1


def step_every_tab_is_shown(figures):
    made = yield from document(1200, 900)
    choose(strength=0.8)
    current = docker()
    for name in ("style", "upscale", "train", "packs", "jobs", "settings"):
        tab = getattr(current, f"{name}_tab")
        current.tabs.setCurrentWidget(tab)
        if name == "style":
            model().preview.show(docker=True)
            yield from wait(lambda: model().preview.picture is not None)
        yield 300
        assert tab.isVisible() and tab.sizeHint().width() <= 420, (name, tab.sizeHint().width())
        current.grab().save(f"{SHOTS}/krita-{name}.png")
    current.tabs.setCurrentWidget(current.style_tab)
    yield 200
    APP.activeWindow().qwindow().grab().save(f"{SHOTS}/krita-window.png")
    assert made is not None


def step_a_portrait_has_room_in_the_preview(figures):
    yield from document(600, 900)
    choose()
    current = docker()
    current.tabs.setCurrentWidget(current.style_tab)
    current.setFloating(True)
    current.resize(320, 820)
    tab = current.style_tab
    tab._sizes = []
    yield 200
    model().preview.show(docker=True)
    yield from wait(lambda: model().preview.picture is not None, 60)
    yield 300
    figures["room"] = [tab.picture.width(), tab.picture.height(), tab.grid.height()]
    assert tab.picture.height() > 200, "it has no room until the splitter is dragged"
    current.grab().save(f"{SHOTS}/krita-portrait.png")
    whole = sum(tab.splitter.sizes())
    tab.splitter.setSizes([whole, 0])
    yield 200
    small = tab.picture.height()
    tab.splitter.setSizes([1, whole - 1])
    yield 200
    figures["dragged"] = [small, tab.picture.height()]
    assert tab.picture.height() > small + 100, "dragging the splitter does nothing"
    sizes = tab.splitter.sizes()
    model().preview.show(docker=False)
    yield 100
    figures["hidden"] = tab.splitter.sizes()
    assert figures["hidden"][0] > sizes[0] and not tab.picture.isVisible()
    model().preview.show(docker=True)
    yield 100
    kept = tab.splitter.sizes()
    current.setFloating(False)
    assert kept == sizes, "where the splitter was is forgotten"


def step_german_texts_are_shown(figures):
    docker().setVisible(True)
    yield from wait(lambda: model().backend.packs_known or model().backend.problem, 60)
    tab = docker().style_tab
    assert docker().tabs.tabText(0) == "Stil" and tab.apply.text() == "Anwenden", docker().tabs.tabText(0)
    assert paint() is None
    assert model().backend.problem.headline == "Kein Dokument ist geöffnet.", model().backend.problem.headline
    yield 200
    docker().grab().save(f"{SHOTS}/krita-german.png")
