"""The model of the Krita plugin, without Krita, Qt or an event loop."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import pytest


def result(dispatcher: Any, job: str = "j1", note: str = "") -> Any:
    return dispatcher.m.ImageResult(job, dispatcher.m.ImageInfo(4, 3, "u8", "BGRA"), "cpu", 1.0, 0.8, note)


def preview_comes(dispatcher: Any) -> None:
    dispatcher.model.preview.show(docker=True)
    dispatcher.come(dispatcher.road.last("Stylize")[0], result(dispatcher), frames=[bytes(48)])
    assert dispatcher.model.preview.picture is not None


def test_the_first_style_is_chosen_when_none_was(dispatcher: Any) -> None:
    assert dispatcher.model.choices.style.style == "wave"


def test_apply_sends_the_choices_and_puts_the_result_under_its_name(dispatcher: Any) -> None:
    dispatcher.model.choices.choose_style(strength=0.5, style="wave:0.75 + night:0.25")
    [job] = dispatcher.model.layers.apply_style()
    ticket, message, frames = dispatcher.road.last("Stylize")
    assert (message.strength, message.priority, len(frames[0])) == (0.5, "apply", 48)
    assert [(style.pack, style.weight) for style in message.styles] == [("wave", 0.75), ("night", 0.25)]
    dispatcher.come(ticket, dispatcher.m.Accepted("j1", 0), result(dispatcher), frames=[b"p" * 48])
    assert dispatcher.canvas.inserted == [("Great Wave + Starry Night 25 % (50 %)", b"p" * 48)]
    assert job.state == "done" and dispatcher.model.layers.timings["network"] == 0.8


def test_what_the_editor_says_about_a_result_stands_beside_its_job(dispatcher: Any) -> None:
    dispatcher.canvas.note = "The document was scaled."
    [job] = dispatcher.model.layers.apply_style()
    dispatcher.come(job.ticket, result(dispatcher), frames=[bytes(48)])
    assert job.text == "Done. The document was scaled."


def test_a_finished_job_keeps_no_pixels(dispatcher: Any) -> None:
    """Neither those that were sent nor those that came."""

    class Pixels(bytearray):
        pass

    sent, came = Pixels(48), Pixels(48)
    taken = dispatcher.canvas.take(lambda pixels: 1.0)[0]
    taken.frame = sent
    dispatcher.canvas.take = lambda *given, taken=taken: [taken]
    [job] = dispatcher.model.layers.apply_style()
    dispatcher.come(job.ticket, result(dispatcher), frames=[came])
    dispatcher.canvas.inserted.clear()
    dispatcher.road.posted.clear()
    seen = [weakref.ref(sent), weakref.ref(came)]
    del sent, came, taken, dispatcher.canvas.take
    gc.collect()
    assert job in dispatcher.model.backend.jobs and [ref() for ref in seen] == [None, None]


def test_a_job_ends_with_its_document(dispatcher: Any) -> None:
    [job] = dispatcher.model.layers.apply_style()
    dispatcher.come(job.ticket, dispatcher.m.Accepted("j1", 0))
    dispatcher.model.layers.document_closed()
    assert dispatcher.road.count("Cancel") == 0
    dispatcher.canvas.closed = True
    dispatcher.model.layers.document_closed()
    assert dispatcher.road.count("Cancel") == 1
    dispatcher.come(job.ticket, dispatcher.m.Cancelled("j1"))
    assert job.text == "Cancelled. The document was closed."


def test_a_trouble_of_the_editor_is_told_and_nothing_is_sent(dispatcher: Any) -> None:
    dispatcher.canvas.trouble = dispatcher.module("troubles").NothingOpen()
    assert dispatcher.model.layers.apply_style() is None
    assert dispatcher.model.backend.problem.text == "No document is open. Open or create one."
    assert dispatcher.road.count("Stylize") == 0


def test_our_own_mistake_while_inserting_fails_the_job_instead_of_leaving_it_open(dispatcher: Any) -> None:
    dispatcher.canvas.fail_on_insert = ZeroDivisionError("division by zero")
    [job] = dispatcher.model.layers.apply_style()
    dispatcher.come(job.ticket, result(dispatcher), frames=[bytes(48)])
    assert job.state == "failed" and job.problem.code == "bug"
    assert "Traceback" not in dispatcher.model.backend.problem.text


def test_our_own_mistake_in_a_click_is_told_and_kept_for_the_diagnosis(dispatcher: Any) -> None:
    dispatcher.canvas.trouble = ZeroDivisionError("division by zero")
    dispatcher.model.layers.upscale()
    assert dispatcher.model.backend.problem.code == "bug"
    assert "ZeroDivisionError" in dispatcher.model.context.mistakes.text


def test_a_preview_is_asked_for_only_while_it_is_shown(dispatcher: Any) -> None:
    dispatcher.model.choices.choose_style(strength=0.4)
    assert dispatcher.road.count("Stylize") == 0
    dispatcher.model.preview.show(docker=True)
    ticket, message, _ = dispatcher.road.last("Stylize")
    assert message.priority == "preview"
    dispatcher.come(ticket, result(dispatcher), frames=[b"s" * 48])
    assert dispatcher.model.preview.picture.data == b"s" * 48 and dispatcher.canvas.shown == []
    dispatcher.model.preview.show(docker=False)
    dispatcher.model.choices.choose_style(strength=0.3)
    assert dispatcher.road.count("Stylize") == 1 and dispatcher.model.preview.picture is None


def test_the_small_copy_is_taken_once_while_a_slider_moves(dispatcher: Any) -> None:
    dispatcher.model.preview.show(docker=True)
    for strength in (0.1, 0.2, 0.3):
        dispatcher.model.choices.choose_style(strength=strength)
    assert dispatcher.canvas.copies == 1


def test_the_preview_follows_painting(dispatcher: Any) -> None:
    preview_comes(dispatcher)
    dispatcher.model.preview.look()
    assert dispatcher.road.count("Stylize") == 1
    dispatcher.canvas.painted = 1
    dispatcher.model.preview.look()
    assert dispatcher.road.count("Stylize") == 2 and dispatcher.canvas.copies == 2
    assert dispatcher.model.preview.picture is not None, "the old picture stays until the new one comes"


@pytest.mark.parametrize("way", ["shown again", "painted on", "another document"])
def test_a_preview_comes_back_by_itself_after_a_trouble_of_the_editor(dispatcher: Any, way: str) -> None:
    preview_comes(dispatcher)
    dispatcher.canvas.trouble = dispatcher.module("troubles").LayerHidden("Sketch")
    dispatcher.model.preview.look()
    assert "hidden" in dispatcher.model.preview.problem.text and dispatcher.model.preview.picture is None
    dispatcher.canvas.trouble = None
    if way == "painted on":
        dispatcher.canvas.painted = 1
    elif way == "another document":
        dispatcher.canvas.current = "another"
    dispatcher.model.preview.look()
    dispatcher.come(dispatcher.road.last("Stylize")[0], result(dispatcher), frames=[bytes(48)])
    assert dispatcher.model.preview.problem is None and dispatcher.model.preview.picture is not None


def test_a_preview_comes_back_when_the_backend_does(dispatcher: Any) -> None:
    dispatcher.model.preview.show(docker=True)
    lost = dispatcher.module("scumble_wire.errors").ConnectionFailed("No backend.", remedy="Start it.")
    dispatcher.road.coming = [dispatcher.module("scumble_editor.channel").Broken(lost, len(dispatcher.road.posted))]
    dispatcher.model.pump()
    assert dispatcher.model.preview.problem.code == "no_connection"
    dispatcher.model.reconnect()
    dispatcher.come(dispatcher.road.last("ListPacks")[0], dispatcher.m.Packs(dispatcher.model.backend.packs, 2))
    assert dispatcher.road.count("Stylize") == 2


def test_apply_leaves_a_preview_alone_that_is_under_way(dispatcher: Any) -> None:
    dispatcher.model.preview.show(docker=True)
    ticket = dispatcher.road.last("Stylize")[0]
    [job] = dispatcher.model.layers.apply_style()
    dispatcher.come(ticket, result(dispatcher), frames=[b"s" * 48])
    assert dispatcher.model.preview.picture.data == b"s" * 48
    dispatcher.come(job.ticket, result(dispatcher), frames=[bytes(48)])
    assert job.state == "done"


def test_an_editor_that_turns_its_event_loop_while_it_is_asked_does_no_harm(dispatcher: Any) -> None:
    preview_comes(dispatcher)
    plain = dispatcher.canvas.key

    def key() -> Any:
        dispatcher.canvas.key = plain
        dispatcher.model.preview.look()
        dispatcher.model.preview.show(docker=False)
        dispatcher.model.preview.show(docker=True)
        return "another layer"

    dispatcher.canvas.key = key
    dispatcher.model.preview.look()
    assert dispatcher.model.context.mistakes.text == ""


def test_another_layer_makes_another_preview(dispatcher: Any) -> None:
    preview_comes(dispatcher)
    dispatcher.model.preview.look()
    assert dispatcher.road.count("Stylize") == 1
    dispatcher.canvas.current = "another layer"
    dispatcher.model.preview.look()
    assert dispatcher.road.count("Stylize") == 2


def test_a_preview_on_the_canvas_goes_away_with_apply(dispatcher: Any) -> None:
    dispatcher.model.preview.show(canvas=True)
    dispatcher.come(dispatcher.road.last("Stylize")[0], result(dispatcher), frames=[bytes(48)])
    assert len(dispatcher.canvas.shown) == 1
    [job] = dispatcher.model.layers.apply_style()
    dispatcher.come(job.ticket, result(dispatcher), frames=[bytes(48)])
    assert not dispatcher.model.preview.on_canvas and dispatcher.canvas.hidden >= 1


def test_preview_and_apply_say_of_what_picture_they_are(dispatcher: Any) -> None:
    """So that the backend paints both with marks of the same size."""
    dispatcher.model.preview.show(docker=True)
    preview = dispatcher.road.last("Stylize")[1]
    assert (preview.picture_pixels, preview.scale) == (4800, 0.1)
    dispatcher.model.layers.apply_style()
    applied = dispatcher.road.last("Stylize")[1]
    assert (applied.picture_pixels, applied.scale) == (4800, 1.0)


def test_a_failed_preview_is_told_beside_the_preview_and_not_as_a_problem_of_all(dispatcher: Any) -> None:
    dispatcher.model.preview.show(docker=True)
    dispatcher.come(
        dispatcher.road.last("Stylize")[0], dispatcher.m.Failed("out_of_memory", "Too large.", "Close something.")
    )
    assert dispatcher.model.preview.problem.text == "Too large. Close something."
    assert dispatcher.model.backend.problem is None


def test_a_document_is_enlarged_layer_by_layer_and_made_when_all_have_come(dispatcher: Any) -> None:
    dispatcher.model.choices.choose_upscale(factor=2.0, source="document")
    dispatcher.model.layers.upscale()
    first = dispatcher.road.last("Upscale")[0]
    assert dispatcher.road.count("Upscale") == 1
    dispatcher.come(first, result(dispatcher), frames=[bytes(48)])
    second = dispatcher.road.last("Upscale")[0]
    assert second != first and dispatcher.canvas.built == []
    dispatcher.come(second, result(dispatcher), frames=[bytes(48)])
    assert dispatcher.canvas.built == [2.0]
    assert dispatcher.model.backend.jobs[-1].text == "Done. Left out: Blur."


def test_a_cancelled_layer_ends_the_enlargement_of_its_document(dispatcher: Any) -> None:
    dispatcher.model.layers.upscale("document")
    dispatcher.come(dispatcher.road.last("Upscale")[0], dispatcher.m.Cancelled("u1"))
    assert dispatcher.road.count("Upscale") == 1 and dispatcher.canvas.built == []


def test_training_wants_a_name_and_sends_the_reference(dispatcher: Any) -> None:
    assert dispatcher.model.training.start() is None
    assert dispatcher.model.backend.problem.code == "no_name"
    dispatcher.model.choices.choose_train(name=" Ink ", quality="quick")
    job = dispatcher.model.training.start()
    _, message, frames = dispatcher.road.last("Train")
    assert (message.name, message.quality, len(frames[0])) == ("Ink", "quick", 48)
    assert job.kind == "train" and job.title == "Learning Ink"


def test_a_pack_is_looked_into_before_it_is_installed(dispatcher: Any, tmp_path: Path) -> None:
    path = tmp_path / "ink.scumble"
    path.write_bytes(b"zip")
    dispatcher.model.pack_files.look_into(str(path))
    ticket, message, frames = dispatcher.road.last("InspectPack")
    assert message.file_name == "ink.scumble" and frames == [b"zip"]
    details = dispatcher.m.PackDetails(
        dispatcher.m.PackInfo("ink", "Ink", "network"), 3, False, needs="title,license"
    )
    dispatcher.come(ticket, details)
    assert dispatcher.road.count("InstallPack") == 0 and dispatcher.model.pack_files.offer.details == details
    dispatcher.model.pack_files.install("Ink", "CC0-1.0")
    _, install, frames = dispatcher.road.last("InstallPack")
    assert (install.title, install.license, install.trust_changed_key) == ("Ink", "CC0-1.0", False)
    assert frames == [b"zip"] and dispatcher.model.pack_files.offer is None


def test_a_missing_pack_file_is_told(dispatcher: Any, tmp_path: Path) -> None:
    dispatcher.model.pack_files.look_into(str(tmp_path / "gone.scumble"))
    assert "gone.scumble" in dispatcher.model.backend.problem.text


def test_a_removed_style_is_no_longer_chosen(dispatcher: Any) -> None:
    dispatcher.model.choices.choose_style(style="wave + night")
    dispatcher.come(0, dispatcher.m.PacksChanged(2))
    dispatcher.come(
        dispatcher.road.last("ListPacks")[0], dispatcher.m.Packs([dispatcher.m.PackInfo("ink", "Ink", "network")], 2)
    )
    assert dispatcher.model.choices.style.style == "ink"


def test_a_tile_changes_the_marked_style_of_a_mix(dispatcher: Any) -> None:
    choices = dispatcher.model.choices
    choices.choose_pack("night")
    assert choices.style.style == "night"
    choices.mix_in()
    assert choices.style.style == "night + wave" and choices.part == 1
    choices.change_part(1, weight=0.25, place="light")
    choices.mark_part(0)
    choices.choose_pack("wave")
    assert choices.style.style == "wave@rest + wave:0.25@light"
    choices.take_out(0)
    assert choices.style.style == "wave:0.25@light"


def test_masks_of_places_follow_the_pixels(dispatcher: Any) -> None:
    dispatcher.model.choices.choose_style(style="wave@mask:Sky + night@rest")
    dispatcher.model.layers.apply_style()
    _, message, frames = dispatcher.road.last("Stylize")
    assert [style.mask_frame for style in message.styles] == [1, None] and bytes(frames[1]) == bytes([255] * 12)
    dispatcher.model.preview.show(docker=True)
    assert len(dispatcher.road.last("Stylize")[2]) == 2


def test_choices_are_there_again_the_next_time(dispatcher: Any) -> None:
    dispatcher.model.choices.choose_style(strength=0.25)
    again = dispatcher.module("model").Model(
        dispatcher.model.backend, dispatcher.canvas, dispatcher.model.choices.file
    )
    assert again.choices.style.strength == 0.25
    dispatcher.model.choices.choose_style(strength=7.0)  # a widget can't send this; what can't be is told, not kept
    assert dispatcher.model.choices.style.strength == 0.25 and dispatcher.model.backend.problem is not None


def test_apply_last_works_before_any_docker_was_seen(dispatcher: Any) -> None:
    dispatcher.model.backend._packs.known = False
    dispatcher.model.layers.apply_last()
    assert dispatcher.road.count("Stylize") == 0
    dispatcher.come(
        dispatcher.road.last("ListPacks")[0],
        dispatcher.m.Packs([dispatcher.m.PackInfo("wave", "Great Wave", "affine")], 3),
    )
    assert dispatcher.road.count("Stylize") == 1


def test_closing_krita_cancels_painting_and_lets_training_go_on(dispatcher: Any) -> None:
    [paint] = dispatcher.model.layers.apply_style()
    dispatcher.model.choices.choose_train(name="Ink")
    train = dispatcher.model.training.start()
    dispatcher.model.close()
    assert paint.cancel_asked and not train.cancel_asked and dispatcher.road.closed


@pytest.mark.parametrize("state", ["failed", "done"])
def test_the_diagnosis_tells_states_and_no_names_of_pictures(dispatcher: Any, state: str) -> None:
    [job] = dispatcher.model.layers.apply_style()
    if state == "failed":
        dispatcher.come(job.ticket, dispatcher.m.Failed("out_of_memory", "Too large.", "Close something."))
    else:
        dispatcher.come(job.ticket, result(dispatcher), frames=[bytes(48)])
    text = dispatcher.module("diagnosis").diagnosis(dispatcher.model, "5.2.9")
    assert f"Job stylize: {state}" in text and "Krita 5.2.9" in text and "Sketch" not in text


def test_the_diagnosis_holds_nothing_private_whatever_went_wrong(dispatcher: Any) -> None:
    m = dispatcher.m
    told = m.Failed(
        "file_trouble", '/home/ada/My "Secret" Pictures/ex wife.png of "Divorce" is broken.', "Look at it."
    )
    [job] = dispatcher.model.layers.apply_style()
    dispatcher.come(job.ticket, told)
    text = dispatcher.module("diagnosis").diagnosis(dispatcher.model, "5.2.9")
    assert "Last problem: file_trouble" in text
    assert [word for word in ("ada", "Secret", "wife", "Divorce") if word in text] == []


def test_a_result_keeps_what_made_it_and_stands_in_the_last_results(dispatcher: Any) -> None:
    dispatcher.model.choices.choose_style(style="wave:0.6 + night:0.4", seed=3)
    [job] = dispatcher.model.layers.apply_style()
    dispatcher.come(job.ticket, result(dispatcher), frames=[b"\1\2\3\xff" * 12])
    assert dispatcher.canvas.kept == [(dispatcher.model.choices.style, "")]
    [kept] = dispatcher.model.shelves.shelf.kept.results()
    assert kept.choices == dispatcher.model.choices.style and bytes(kept.picture[1][:3]) == b"\3\2\1"
    dispatcher.model.choices.choose_style(style="night", seed=0)
    dispatcher.model.shelves.show("history")
    dispatcher.model.shelves.choose("0")
    assert dispatcher.model.choices.style == kept.choices


def test_editing_again_takes_over_the_settings_and_the_next_painting_replaces_the_layer(dispatcher: Any) -> None:
    made, choices = dispatcher.module("scumble_editor.made"), dispatcher.module("scumble_editor.choices")
    dispatcher.canvas.made = made.Made(choices.StyleChoices("night", strength=0.3), "source", "Starry Night")
    dispatcher.model.layers.edit_again()
    assert dispatcher.model.choices.style.strength == 0.3
    [job] = dispatcher.model.layers.apply_style()
    dispatcher.come(job.ticket, result(dispatcher), frames=[bytes(48)])
    assert dispatcher.canvas.kept[-1][1] == "the painted layer" and dispatcher.model.choices.replaces == ""
    dispatcher.model.layers.edit_again()
    dispatcher.model.layers.leave_editing()
    dispatcher.model.layers.apply_style()
    dispatcher.come(dispatcher.road.last("Stylize")[0], result(dispatcher), frames=[bytes(48)])
    assert dispatcher.canvas.kept[-1][1] == ""


def test_what_is_painted_and_shown_is_the_input_without_the_layer_that_is_edited(dispatcher: Any) -> None:
    made, choices = dispatcher.module("scumble_editor.made"), dispatcher.module("scumble_editor.choices")
    dispatcher.model.preview.show(docker=True)
    assert dispatcher.canvas.asked[-1] == ("layer", "")
    dispatcher.model.choices.choose_style(source="below")
    assert dispatcher.canvas.asked[-1] == ("below", "")
    dispatcher.canvas.made = made.Made(choices.StyleChoices("night", source="visible"), "source", "Starry Night")
    dispatcher.model.layers.edit_again()
    assert dispatcher.canvas.asked[-1] == ("visible", "the painted layer")
    dispatcher.model.layers.apply_style()
    assert dispatcher.canvas.asked[-2:] == [("visible", "the painted layer"), ("visible", "")]


def test_editing_again_is_refused_while_a_style_is_missing(dispatcher: Any) -> None:
    made, choices = dispatcher.module("scumble_editor.made"), dispatcher.module("scumble_editor.choices")
    dispatcher.canvas.made = made.Made(choices.StyleChoices("scream"), "source", "The Scream")
    dispatcher.model.layers.edit_again()
    assert "scream" in dispatcher.model.backend.problem.text
    assert dispatcher.model.choices.replaces == "" and dispatcher.model.choices.style.style == "wave"


def test_a_training_takes_its_photos_and_shows_the_own_layer_unless_it_learns_from_it(dispatcher: Any) -> None:
    for source, own in (("layer", False), ("file", True)):
        dispatcher.model.choices.choose_train(name="Ink", source=source, photos="/photos")
        dispatcher.model.training.start()
        _ticket, message, frames = dispatcher.road.last("Train")
        assert message.photos == "/photos" and len(frames) == 1 + own
        assert (message.shown is not None and message.shown.frame == 1) == own


def test_presets_are_saved_chosen_exported_and_removed(dispatcher: Any, tmp_path: Path) -> None:
    shelves, choices = dispatcher.model.shelves, dispatcher.model.choices
    preview_comes(dispatcher)
    choices.choose_style(style="wave@light + night@rest", strength=0.5)
    shelves.keep_preset("Storm")
    choices.choose_style(style="night", strength=1.0)
    shelves.show("presets")
    assert [tile.title for tile in shelves.shelf.tiles()] == ["Storm"]
    shelves.choose("Storm")
    assert choices.style.style == "wave@light + night@rest" and choices.style.strength == 0.5
    shelves.export_preset(str(tmp_path / "storm.scumble"), "Storm")
    assert (tmp_path / "storm.scumble").read_bytes()[:2] == b"PK"
    shelves.export_preset(str(tmp_path / "no" / "storm.scumble"), "Storm")
    assert "can't be saved" in dispatcher.model.backend.problem.text
    shelves.remove_preset("Storm")
    assert shelves.shelf.tiles() == []


def test_the_layer_is_painted_in_every_style_and_in_six_surprises(dispatcher: Any) -> None:
    shelves = dispatcher.model.shelves
    shelves.show("here")
    for job in ("j1", "j2"):
        dispatcher.come(dispatcher.road.last("Stylize")[0], result(dispatcher, job), frames=[bytes(48)])
    assert all(tile.picture is not None for tile in shelves.shelf.tiles())
    shelves.show("surprise")
    first = [tile.choices for tile in shelves.shelf.tiles()]
    shelves.show("surprise")
    assert len(first) == 6 and first != [tile.choices for tile in shelves.shelf.tiles()]
    shelves.choose("2")
    assert dispatcher.model.choices.style == shelves.shelf.tiles()[2].choices


def test_a_finer_preview_follows_the_coarse_one_where_there_is_room(dispatcher: Any) -> None:
    preview, dispatcher.canvas.scale = dispatcher.model.preview, 0.001
    preview.make_room(700)
    preview_comes(dispatcher)
    asked = dispatcher.road.count("Stylize")
    preview.look()
    assert dispatcher.road.count("Stylize") == asked, "a slider may still be moving"
    dispatcher.now[0] += 1.0
    preview.look()
    assert dispatcher.road.count("Stylize") == asked + 1 and dispatcher.canvas.sides[-1] == 704
    dispatcher.come(dispatcher.road.last("Stylize")[0], result(dispatcher), frames=[bytes(48)])
    preview.look()
    assert dispatcher.road.count("Stylize") == asked + 1
    copies = dispatcher.canvas.copies
    dispatcher.model.choices.choose_style(strength=0.3)
    assert dispatcher.road.count("Stylize") == asked + 2 and dispatcher.canvas.copies == copies


def test_a_finer_preview_makes_way_for_what_is_chosen_meanwhile(dispatcher: Any) -> None:
    preview, dispatcher.canvas.scale = dispatcher.model.preview, 0.001
    preview.make_room(700)
    preview_comes(dispatcher)
    dispatcher.now[0] += 1.0
    preview.look()
    ticket, asked = dispatcher.road.last("Stylize")[0], dispatcher.road.count("Stylize")
    dispatcher.come(ticket, dispatcher.m.Accepted("fine", 0))
    dispatcher.model.choices.choose_style(boldness=0.3)
    assert dispatcher.road.count("Stylize") == asked + 1 and dispatcher.road.count("Cancel") == 1
    dispatcher.come(ticket, result(dispatcher), frames=[b"f" * 48])
    assert preview.picture.data != b"f" * 48, "it shows what is no longer chosen"
    dispatcher.come(dispatcher.road.last("Stylize")[0], result(dispatcher), frames=[b"s" * 48])
    assert preview.picture.data == b"s" * 48


def test_a_frame_shows_what_the_detail_is_and_moves_it(dispatcher: Any) -> None:
    preview, dispatcher.canvas.scale = dispatcher.model.preview, 0.001
    preview_comes(dispatcher)
    left, top, width, height = preview.frame
    assert (width, height) == pytest.approx((0.08, 320 / 3000)) and left + width / 2 == pytest.approx(0.5)
    preview.aim(0.99, 0.2)
    left, top, width, height = preview.frame
    assert left + width == pytest.approx(1.0) and top + height / 2 == pytest.approx(0.2)
    preview.show(detail=True)
    assert preview.frame is None
