"""The model of the Krita plugin, without Krita, Qt or an event loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


def result(desk: Any, job: str = "j1", note: str = "") -> Any:
    return desk.m.ImageResult(job, desk.m.ImageInfo(4, 3, "u8", "BGRA"), "cpu", 1.0, 0.8, note)


def test_the_first_style_is_chosen_when_none_was(desk: Any) -> None:
    assert desk.model.style.pack == "wave"


def test_apply_sends_the_choices_and_puts_the_result_under_its_name(desk: Any) -> None:
    desk.model.choose_style(strength=0.5, second_pack="night", mix=0.25)
    job = desk.model.apply_style()
    ticket, message, frames = desk.road.last("Stylize")
    assert (message.strength, message.priority, len(frames[0])) == (0.5, "apply", 48)
    assert [(style.pack, style.weight) for style in message.styles] == [("wave", 0.75), ("night", 0.25)]
    desk.come(ticket, desk.m.Accepted("j1", 0), result(desk), frames=[b"p" * 48])
    assert desk.canvas.inserted == [("Great Wave + Starry Night 25 % (50 %)", b"p" * 48)]
    assert job.state == "done" and desk.model.timings["network"] == 0.8


def test_a_trouble_of_the_editor_is_told_and_nothing_is_sent(desk: Any) -> None:
    desk.canvas.trouble = desk.module("troubles").NothingOpen()
    assert desk.model.apply_style() is None
    assert desk.model.studio.problem.text == "No document is open. Open or create one."
    assert desk.road.count("Stylize") == 0


def test_our_own_mistake_while_inserting_fails_the_job_instead_of_leaving_it_open(desk: Any) -> None:
    desk.canvas.fail_on_insert = ZeroDivisionError("division by zero")
    job = desk.model.apply_style()
    desk.come(job.ticket, result(desk), frames=[bytes(48)])
    assert job.state == "failed" and job.problem.code == "bug"
    assert "Traceback" not in desk.model.studio.problem.text


def test_our_own_mistake_in_a_click_is_told_and_kept_for_the_diagnosis(desk: Any) -> None:
    desk.canvas.trouble = ZeroDivisionError("division by zero")
    desk.model.upscale_now()
    assert desk.model.studio.problem.code == "bug"
    assert "ZeroDivisionError" in desk.model.last_traceback


def test_a_preview_is_asked_for_only_while_it_is_shown(desk: Any) -> None:
    desk.model.choose_style(strength=0.4)
    assert desk.road.count("Stylize") == 0
    desk.model.set_preview(docker=True)
    ticket, message, _ = desk.road.last("Stylize")
    assert message.priority == "preview"
    desk.come(ticket, result(desk), frames=[b"s" * 48])
    assert desk.model.preview.data == b"s" * 48 and desk.canvas.shown == []
    desk.model.set_preview(docker=False)
    desk.model.choose_style(strength=0.3)
    assert desk.road.count("Stylize") == 1 and desk.model.preview is None


def test_the_small_copy_is_taken_once_while_a_slider_moves_and_anew_after_a_while(desk: Any) -> None:
    desk.model.set_preview(docker=True)
    for strength in (0.1, 0.2, 0.3):
        desk.model.choose_style(strength=strength)
    assert desk.canvas.copies == 1
    desk.now[0] += 5
    desk.model.choose_style(strength=0.4)
    assert desk.canvas.copies == 2


def test_another_layer_makes_another_preview(desk: Any) -> None:
    desk.model.set_preview(docker=True)
    desk.come(desk.road.last("Stylize")[0], result(desk), frames=[bytes(48)])
    desk.model.source_changed()
    assert desk.road.count("Stylize") == 1
    desk.canvas.current = "another layer"
    desk.model.source_changed()
    assert desk.road.count("Stylize") == 2


def test_a_preview_on_the_canvas_goes_away_with_apply(desk: Any) -> None:
    desk.model.set_preview(canvas=True)
    desk.come(desk.road.last("Stylize")[0], result(desk), frames=[bytes(48)])
    assert len(desk.canvas.shown) == 1
    job = desk.model.apply_style()
    desk.come(job.ticket, result(desk), frames=[bytes(48)])
    assert not desk.model.preview_on_canvas and desk.canvas.hidden == 1


def test_a_preview_switched_off_while_its_layer_is_added_goes_away(desk: Any) -> None:
    desk.model.set_preview(canvas=True)
    desk.canvas.show_preview = lambda *given: desk.model.set_preview(canvas=False)
    desk.come(desk.road.last("Stylize")[0], result(desk), frames=[bytes(48)])
    assert desk.canvas.hidden == 2


def test_a_failed_preview_is_told_beside_the_preview_and_not_as_a_problem_of_all(desk: Any) -> None:
    desk.model.set_preview(docker=True)
    desk.come(desk.road.last("Stylize")[0], desk.m.Failed("out_of_memory", "Too large.", "Close something."))
    assert desk.model.preview_problem.text == "Too large. Close something."
    assert desk.model.studio.problem is None


def test_a_document_is_enlarged_layer_by_layer_and_made_when_all_have_come(desk: Any) -> None:
    desk.model.choose_upscale(factor=2.0, source="document")
    desk.model.upscale_now()
    first = desk.road.last("Upscale")[0]
    assert desk.road.count("Upscale") == 1
    desk.come(first, result(desk), frames=[bytes(48)])
    second = desk.road.last("Upscale")[0]
    assert second != first and desk.canvas.built == []
    desk.come(second, result(desk), frames=[bytes(48)])
    assert desk.canvas.built == [2.0]
    assert desk.model.studio.jobs[-1].text == "Done. Left out: Blur."


def test_a_cancelled_layer_ends_the_enlargement_of_its_document(desk: Any) -> None:
    desk.model.upscale_now("document")
    desk.come(desk.road.last("Upscale")[0], desk.m.Cancelled("u1"))
    assert desk.road.count("Upscale") == 1 and desk.canvas.built == []


def test_training_wants_a_name_and_sends_the_reference(desk: Any) -> None:
    assert desk.model.train_now() is None
    assert desk.model.studio.problem.code == "no_name"
    desk.model.choose_train(name=" Ink ", quality="quick")
    job = desk.model.train_now()
    _, message, frames = desk.road.last("Train")
    assert (message.name, message.quality, len(frames[0])) == ("Ink", "quick", 48)
    assert job.kind == "train" and job.title == "Learning Ink"


def test_a_pack_is_looked_into_before_it_is_installed(desk: Any, tmp_path: Path) -> None:
    path = tmp_path / "ink.scumble"
    path.write_bytes(b"zip")
    desk.model.offer_pack(str(path))
    ticket, message, frames = desk.road.last("InspectPack")
    assert message.file_name == "ink.scumble" and frames == [b"zip"]
    details = desk.m.PackDetails(desk.m.PackInfo("ink", "Ink", "network"), 3, False, needs="title,license")
    desk.come(ticket, details)
    assert desk.road.count("InstallPack") == 0 and desk.model.pack_offer[0] == details
    desk.model.install_offered("Ink", "CC0-1.0")
    _, install, frames = desk.road.last("InstallPack")
    assert (install.title, install.license, install.trust_changed_key) == ("Ink", "CC0-1.0", False)
    assert frames == [b"zip"] and desk.model.pack_offer is None


def test_a_missing_pack_file_is_told(desk: Any, tmp_path: Path) -> None:
    desk.model.offer_pack(str(tmp_path / "gone.scumble"))
    assert "gone.scumble" in desk.model.studio.problem.text


def test_a_removed_style_is_no_longer_chosen(desk: Any) -> None:
    desk.model.choose_style(second_pack="night", mix=0.5)
    desk.come(0, desk.m.PacksChanged(2))
    desk.come(desk.road.last("ListPacks")[0], desk.m.Packs([desk.m.PackInfo("ink", "Ink", "network")], 2))
    assert (desk.model.style.pack, desk.model.style.second_pack, desk.model.style.mix) == ("ink", "", 0.0)


def test_choices_are_there_again_the_next_time(desk: Any) -> None:
    desk.model.choose_style(strength=0.25)
    again = desk.module("model").Model(desk.model.studio, desk.canvas, desk.model.file)
    assert again.style.strength == 0.25
    desk.model.choose_style(strength=7.0)  # a widget can't send this; what can't be is told, not kept
    assert desk.model.style.strength == 0.25 and desk.model.studio.problem is not None


def test_apply_last_works_before_any_docker_was_seen(desk: Any) -> None:
    desk.model.studio.packs_known = False
    desk.model.apply_last()
    assert desk.road.count("Stylize") == 0
    desk.come(desk.road.last("ListPacks")[0], desk.m.Packs([desk.m.PackInfo("wave", "Great Wave", "affine")], 3))
    assert desk.road.count("Stylize") == 1


def test_closing_krita_cancels_painting_and_lets_training_go_on(desk: Any) -> None:
    paint = desk.model.apply_style()
    desk.model.choose_train(name="Ink")
    train = desk.model.train_now()
    desk.model.close()
    assert paint.cancel_asked and not train.cancel_asked and desk.road.closed


@pytest.mark.parametrize("state", ["failed", "done"])
def test_the_diagnosis_tells_states_and_no_names_of_pictures(desk: Any, state: str) -> None:
    job = desk.model.apply_style()
    if state == "failed":
        desk.come(job.ticket, desk.m.Failed("out_of_memory", "Too large.", "Close something."))
    else:
        desk.come(job.ticket, result(desk), frames=[bytes(48)])
    text = desk.module("diagnosis").diagnosis(desk.model, "5.2.9")
    assert f"Job stylize: {state}" in text and "Krita 5.2.9" in text and "Sketch" not in text
