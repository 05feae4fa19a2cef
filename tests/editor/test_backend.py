"""The plugins' shared logic, driven without an editor, a socket or a thread."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scumble_editor import words
from scumble_editor.areas import Area, crop_rows, fitted, with_context
from scumble_editor.backend import Backend
from scumble_editor.channel import Broken, Delivery
from scumble_editor.choices import (
    ChoicesFile,
    StyleChoices,
    TrainChoices,
    UpscaleChoices,
    option,
    place_words,
    read_choices,
)
from scumble_editor.job_list import FINISHED_KEPT
from scumble_editor.jobs import Job
from scumble_wire.errors import BackendNotStarted, ConnectionFailed, ConnectionLost, ScumbleError
from scumble_wire.messages import (
    Accepted,
    Cancel,
    Cancelled,
    Failed,
    GetThumbnail,
    ImageInfo,
    ImageResult,
    JobInfo,
    Jobs,
    ListPacks,
    PackInfo,
    Packs,
    PacksChanged,
    Progress,
    StyleChoice,
    Stylize,
    Thumbnail,
    Train,
    Trained,
    TrainPreview,
    Watch,
)

INFO = ImageInfo(4, 3)
PIXELS = bytes(48)
WAVE = PackInfo("wave", "Great Wave", "affine", authors=["Ada"], painting="Under the Wave, Hokusai, 1831")
NIGHT = PackInfo("night", "Starry Night", "network")
SHARP = PackInfo("faithful", "Faithful", "upscale", factors=[2, 4])


class Recorded:
    """A channel that keeps what is posted and delivers what the test puts in."""

    def __init__(self) -> None:
        self.posted: list[tuple[int, Any, Sequence[Any]]] = []
        self.coming: list[Delivery | Broken] = []

    def post(self, message: Any, frames: Sequence[Any] = ()) -> int:
        self.posted.append((len(self.posted) + 1, message, frames))
        return len(self.posted)

    def receive(self) -> list[Delivery | Broken]:
        coming, self.coming = self.coming, []
        return coming

    def broken(self, error: Exception) -> None:
        self.coming.append(Broken(error, len(self.posted)))

    def close(self) -> None:
        pass

    def messages(self, kind: type) -> list[Any]:
        return [message for _, message, _ in self.posted if isinstance(message, kind)]

    def ticket(self, kind: type) -> int:
        return next(ticket for ticket, message, _ in reversed(self.posted) if isinstance(message, kind))


@pytest.fixture
def road() -> Recorded:
    return Recorded()


@pytest.fixture
def backend(road: Recorded) -> Backend:
    return Backend(road, clock=lambda: 0.0)


def come(backend: Backend, road: Recorded, ticket: int, *messages: Any, frames: Sequence[Any] = ()) -> None:
    road.coming += [Delivery(ticket, message, frames) for message in messages]
    backend.pump()


def stylize(pack: str = "wave", strength: float = 1.0) -> Stylize:
    return StyleChoices(style=pack, strength=strength).message(INFO, "preview")


def test_a_job_goes_from_waiting_to_done_and_hands_over_its_picture(backend: Backend, road: Recorded) -> None:
    pictures: list[Any] = []
    job = backend.submit(stylize(), [PIXELS], on_done=lambda job, came: pictures.append(came.frames[0]))
    assert job.open and job.text == "Waiting"
    come(backend, road, job.ticket, Accepted("j1", 0), Progress("j1", 0.4, "painting", 12.0))
    assert (job.id, job.state, job.text) == ("j1", "running", "Painting, 40 %, about 12 s left")
    come(
        backend, road, job.ticket, ImageResult("j1", INFO, "cpu", 1.0, 0.5, note="In two tiles."), frames=[b"x" * 48]
    )
    assert pictures == [b"x" * 48]
    assert (job.state, job.fraction, job.text) == ("done", 1.0, "Done. In two tiles.")


def test_cancel_before_acceptance_is_sent_as_soon_as_the_job_has_a_name(backend: Backend, road: Recorded) -> None:
    job = backend.submit(stylize(), [PIXELS])
    backend.cancel(job)
    assert road.messages(Cancel) == [] and job.text == "Stopping"
    come(backend, road, job.ticket, Accepted("j1", 3))
    assert road.messages(Cancel) == [Cancel("j1")]
    come(backend, road, job.ticket, Cancelled("j1"))
    assert job.state == "cancelled"


def test_a_result_that_crosses_a_cancel_is_not_used(backend: Backend, road: Recorded) -> None:
    job = backend.submit(stylize(), [PIXELS], on_done=lambda job, came: pytest.fail("used"))
    come(backend, road, job.ticket, Accepted("j1", 0))
    backend.cancel(job)
    come(backend, road, job.ticket, ImageResult("j1", INFO, "cpu", 1.0, 0.5), frames=[PIXELS])
    assert job.state == "cancelled"


def test_an_error_while_using_the_result_makes_the_job_fail_in_words(backend: Backend, road: Recorded) -> None:
    def refuse(job: Job, came: Delivery) -> None:
        raise ScumbleError("The document was closed.", remedy="Open it again.")

    job = backend.submit(stylize(), [PIXELS], on_done=refuse)
    come(backend, road, job.ticket, ImageResult("j1", INFO, "cpu", 1.0, 0.5), frames=[PIXELS])
    assert (job.state, job.text) == ("failed", "The document was closed. Open it again.")
    assert backend.problem is not None


def test_pumping_inside_of_what_a_delivery_sets_off_keeps_the_order(backend: Backend, road: Recorded) -> None:
    seen: list[str] = []

    def insert(job: Job, came: Delivery) -> None:
        road.coming.append(Delivery(other.ticket, ImageResult("b", INFO, "cpu", 1.0, 0.5), [PIXELS]))
        assert backend.pump() == 0  # as Krita does while it adds a layer
        seen.append("first inserted")

    job = backend.submit(stylize(), [PIXELS], on_done=insert)
    other = backend.submit(stylize(), [PIXELS], on_done=lambda job, came: seen.append("second inserted"))
    come(backend, road, job.ticket, ImageResult("a", INFO, "cpu", 1.0, 0.5), frames=[PIXELS])
    assert seen == ["first inserted", "second inserted"]


def picture(job: str = "j") -> ImageResult:
    return ImageResult(job, INFO, "cpu", 1.0, 0.5)


def fail(*_: Any) -> None:
    raise KeyError("a fault of ours")


def test_a_fault_in_one_handler_costs_the_others_nothing(backend: Backend, road: Recorded) -> None:
    """The result's handler, the end's, a subscriber, an answer: each fails, and what stands behind is delivered."""
    seen: list[str] = []
    ending = backend.subscribe("jobs", fail)
    bad = backend.submit(stylize(), [PIXELS], on_done=fail, on_end=fail)
    good = backend.submit(stylize(), [PIXELS], on_done=lambda job, came: seen.append("good"))
    backend.ask(ListPacks(), on_answer=fail)
    backend.ask(ListPacks(), on_problem=fail)
    backend.ask(ListPacks(), on_answer=lambda came: seen.append("answer"))
    road.coming += [
        Delivery(bad.ticket, picture(), [PIXELS]),
        Delivery(3, Packs([WAVE], 1), ()),
        Delivery(4, Failed("x", "No.", ""), ()),
        Delivery(good.ticket, picture(), [PIXELS]),
        Delivery(5, Packs([], 2), ()),
    ]
    assert backend.pump() == 5
    assert seen == ["good", "answer"]
    assert (bad.state, good.state) == ("failed", "done")
    assert bad.problem is not None and bad.problem.code == "bug"
    assert "KeyError" in bad.problem.detail and "test_backend.py, line" in bad.problem.detail
    assert backend.problem is not None and backend.problem.code == "bug"
    ending()
    backend.dismiss_problem()
    come(backend, road, 0, Packs([NIGHT], 3))
    assert backend.packs == [NIGHT] and backend.problem is None


def test_a_window_that_cannot_show_a_problem_stops_nobody(backend: Backend, road: Recorded) -> None:
    backend.subscribe("problem", fail)
    heard: list[str] = []
    backend.subscribe("problem", lambda: heard.append("problem"))
    backend.report(ConnectionFailed("Nobody is there."))
    assert heard == ["problem"]


def test_a_picture_whose_backend_has_gone_is_offered_to_the_next_one(backend: Backend, road: Recorded) -> None:
    pictures: list[Any] = []
    job = backend.submit(stylize(), [PIXELS], on_done=lambda job, came: pictures.append(came.frames[0]))
    come(backend, road, job.ticket, Accepted("j1", 0), Progress("j1", 0.6, "painting"))
    road.broken(ConnectionLost("end of stream", remedy="Try again."))
    backend.pump()
    assert (job.state, job.id, job.fraction) == ("waiting", "", 0.0) and not backend.connected
    assert road.messages(Stylize) == [stylize(), stylize()] and road.posted[-1][2] == [PIXELS]
    assert backend.problem is None, "nothing is lost yet"
    come(backend, road, job.ticket, Accepted("j1", 0), picture("j1"), frames=[PIXELS])
    assert pictures == [PIXELS] and job.text == "Done. The backend had ended and was started again."
    assert job.request is None and job.on_done is None, "a line in a list holds no pixels"


def test_a_job_that_ends_two_backends_is_not_offered_to_a_third(backend: Backend, road: Recorded) -> None:
    jobs = [backend.submit(stylize(), [PIXELS]) for _ in range(2)]
    for _ in range(2):
        road.broken(ConnectionLost("end of stream", remedy="Try again."))
        backend.pump()
    assert len(road.messages(Stylize)) == 4
    for job in jobs:
        assert job.state == "failed" and job.problem is not None and job.problem.code == "connection_lost"
        assert job.text.startswith("The connection to Scumble's backend was lost. Nothing was changed. It happened")


def test_where_no_other_backend_starts_the_job_fails_and_says_both(backend: Backend, road: Recorded) -> None:
    told: list[str] = []
    backend.subscribe("problem", lambda: told.append("problem"))
    job = backend.submit(stylize(), [PIXELS])
    backend.thumbnail("wave")
    road.broken(ConnectionLost("end of stream", remedy="Try again."))
    backend.pump()
    assert backend.thumbnails == {}  # asked for again after the next connection
    road.broken(BackendNotStarted("It ended with status 1.", remedy="Run `scumble serve`."))
    backend.pump()
    assert job.state == "failed" and job.problem is not None and job.problem.code == "connection_lost"
    assert job.text == (
        "The connection to Scumble's backend was lost. Nothing was changed. "
        "Scumble's backend could not be started. Run `scumble serve`."
    )
    assert told and not backend.connected


def test_what_was_to_be_cancelled_is_not_sent_again(backend: Backend, road: Recorded) -> None:
    job = backend.submit(stylize(), [PIXELS])
    train = backend.submit(Train(INFO, "Ink"), [PIXELS])
    backend.cancel(job)
    road.broken(ConnectionLost("end of stream"))
    backend.pump()
    assert job.state == "cancelled" and train.state == "failed"
    assert len(road.messages(Stylize)) == len(road.messages(Train)) == 1


def test_a_connection_that_could_not_be_made_fails_every_job(backend: Backend, road: Recorded) -> None:
    jobs = [backend.submit(stylize(), [PIXELS]) for _ in range(2)]
    answers: list[str] = []
    backend.ask(ListPacks(), on_problem=lambda problem: answers.append(problem.code))
    road.broken(BackendNotStarted("No.", remedy="Install it."))
    backend.pump()
    assert [job.state for job in jobs] == ["failed", "failed"] and answers == ["backend_not_started"]


def test_what_was_posted_after_a_break_is_not_lost_by_it(backend: Backend, road: Recorded) -> None:
    backend.submit(stylize(), [PIXELS])
    road.broken(BackendNotStarted("No.", remedy="Install it."))
    later = backend.submit(stylize("night"), [PIXELS])
    backend.pump()
    assert later.open


def test_of_many_previews_the_newest_wins(backend: Backend, road: Recorded) -> None:
    shown: list[float] = []
    busy: list[bool] = []

    def show(strength: float) -> None:
        backend.preview.show(
            stylize(strength=strength), [PIXELS],
            lambda job, came: shown.append(strength), lambda job: busy.append(backend.preview.busy),
        )  # fmt: skip

    for strength in (0.1, 0.2, 0.3):
        show(strength)
    assert [message.strength for message in road.messages(Stylize)] == [0.1]
    come(backend, road, 1, Accepted("p1", 0), ImageResult("p1", INFO, "cpu", 0.1, 0.1), frames=[PIXELS])
    assert [message.strength for message in road.messages(Stylize)] == [0.1, 0.3]
    come(backend, road, 2, ImageResult("p2", INFO, "cpu", 0.1, 0.1), frames=[PIXELS])
    assert shown == [0.1, 0.3] and not backend.preview.busy
    assert busy == [True, False], "at the end of the first the third was still to come"
    assert backend.jobs == []


def test_a_preview_of_another_style_does_not_wait_and_the_older_picture_is_not_shown(
    backend: Backend, road: Recorded
) -> None:
    shown: list[str] = []
    for pack in ("wave", "night"):
        backend.preview.show(stylize(pack), [PIXELS], lambda job, came, pack=pack: shown.append(pack))  # type: ignore[misc]
    assert len(road.messages(Stylize)) == 2
    come(backend, road, 1, Cancelled("p1", replaced=True))
    assert backend.preview.busy
    come(backend, road, 1, ImageResult("p1", INFO, "cpu", 0.1, 0.1), frames=[PIXELS])
    come(backend, road, 2, ImageResult("p2", INFO, "cpu", 0.1, 0.1), frames=[PIXELS])
    assert shown == ["night"]


def test_packs_are_searched_by_title_author_and_painting(backend: Backend, road: Recorded) -> None:
    backend.refresh_packs()
    come(backend, road, 1, Packs([NIGHT, SHARP, WAVE], 5))
    assert [pack.id for pack in backend.styles()] == ["wave", "night"]
    assert [pack.id for pack in backend.styles("hokusai ADA")] == ["wave"]
    assert [pack.id for pack in backend.upscalers()] == ["faithful"]
    assert backend.titles["night"] == "Starry Night"


def test_tags_are_searched_and_offered_in_the_users_language(backend: Backend, road: Recorded) -> None:
    backend.refresh_packs()
    tagged = [replace(NIGHT, tags=["night", "cats"]), replace(WAVE, tags=["sea"]), replace(SHARP, tags=["sharp"])]
    words.use_translation({"night": "Nacht", "sea": "Meer"})
    try:
        come(backend, road, 1, Packs(tagged, 5))
        assert backend.tags() == ["cats", "Meer", "Nacht"]
        for search in ("nacht", "night", "CATS nacht"):
            assert [pack.id for pack in backend.styles(search)] == ["night"]
        assert "Nacht, cats" in words.about(tagged[0])
    finally:
        words.use_translation({})


def test_descriptions_of_the_packs_that_ship_are_shown_in_the_users_language() -> None:
    told = {}
    for path in (Path(__file__).parents[2] / "backend" / "starter_packs").glob("*.scumble"):
        with zipfile.ZipFile(path) as pack:
            manifest = json.loads(pack.read("manifest.json"))
        if manifest.get("description"):
            told[manifest["id"]] = manifest["description"]
    assert told == words.DESCRIPTIONS
    fast = PackInfo("fast", "Fast", "upscale", description=told["fast"])
    words.use_translation({told["fast"]: "Schnell."})
    try:
        assert words.description_of(fast) == "Schnell." and "Schnell." in words.about(fast)
        assert words.description_of(replace(fast, description="Another fast one.")) == "Another fast one."
    finally:
        words.use_translation({})


def test_the_axis_from_faithful_to_bold_is_offered_where_a_chosen_style_has_it(
    backend: Backend, road: Recorded
) -> None:
    backend.refresh_packs()
    come(backend, road, 1, Packs([NIGHT, PackInfo("spray", "Spray", "affine", boldness=True)], 1))
    assert not backend.has_boldness(StyleChoices(style="night"))
    assert backend.has_boldness(StyleChoices(style="spray"))
    assert backend.has_boldness(StyleChoices("night + spray"))


def test_a_change_of_packs_asks_for_the_list_again_but_only_once(backend: Backend, road: Recorded) -> None:
    come(backend, road, 0, PacksChanged(6))
    assert len(road.messages(ListPacks)) == 1
    come(backend, road, 1, Packs([WAVE], 6))
    come(backend, road, 0, PacksChanged(6))
    assert len(road.messages(ListPacks)) == 1


def test_a_thumbnail_is_asked_for_once_and_a_missing_one_is_no_problem(backend: Backend, road: Recorded) -> None:
    assert backend.thumbnail("wave") is None and backend.thumbnail("wave") is None
    assert len(road.messages(GetThumbnail)) == 1
    come(backend, road, 1, Thumbnail("wave", INFO), frames=[PIXELS])
    assert backend.thumbnail("wave") == (INFO, PIXELS)
    backend.thumbnail("night")
    come(backend, road, 2, Failed("no_thumbnail", "It has no picture.", ""))
    assert backend.problem is None


def test_the_painting_of_a_pack_is_a_picture_of_its_own(backend: Backend, road: Recorded) -> None:
    assert backend.painting("wave") is None and backend.painting("wave") is None
    [(_, asked)] = [(each, each.painting) for each in road.messages(GetThumbnail)]
    assert asked
    come(backend, road, 1, Thumbnail("wave", INFO, painting=True), frames=[PIXELS])
    assert backend.painting("wave") == (INFO, PIXELS) and backend.thumbnail("wave") is None
    come(backend, road, 0, PacksChanged(6))
    assert backend.painting("wave") is None


def test_training_left_by_an_earlier_session_is_watched(backend: Backend, road: Recorded) -> None:
    backend.refresh_jobs()
    running = JobInfo("t1", "train", "Ink", "running", 0.5, 60.0, mine=False)
    foreign = JobInfo("s1", "stylize", "Wave", "running", 0.5, None, mine=False)
    come(backend, road, 1, Jobs([running, foreign]))
    assert road.messages(Watch) == [Watch("t1")]
    assert [info.job for info in backend.other_jobs] == ["s1"]
    picture = TrainPreview("t1", INFO, 10, 100, 1.0, 2.0)
    come(
        backend, road, road.ticket(Watch), Accepted("t1", 0), Progress("t1", 0.6, "paused"), picture, frames=[PIXELS]
    )
    job = backend.jobs[0]
    assert job.state == "paused" and job.preview is not None and job.preview.message == picture
    come(backend, road, job.ticket, Trained("t1", WAVE, "report.html", 60.0))
    assert job.state == "done"


def test_training_goes_on_when_all_else_is_cancelled(backend: Backend, road: Recorded) -> None:
    paint = backend.submit(stylize(), [PIXELS])
    train = backend.submit(Train(INFO, "Ink"), [PIXELS])
    backend.cancel_all()
    assert paint.cancel_asked and not train.cancel_asked


def test_an_answer_goes_to_the_one_who_asked_and_a_refusal_too(backend: Backend, road: Recorded) -> None:
    got: list[Any] = []
    backend.ask(ListPacks(), on_answer=lambda came: got.append(came.message))
    backend.ask(ListPacks(), on_problem=lambda problem: got.append(problem.text))
    come(backend, road, 1, Packs([], 1))
    come(backend, road, 2, Failed("x", "No.", "Ask later."))
    assert got == [Packs([], 1), "No. Ask later."]
    backend.ask(ListPacks())
    come(backend, road, 3, Failed("x", "No.", "Ask later."))
    assert backend.problem is not None and backend.problem.text == "No. Ask later."


def test_only_the_last_finished_jobs_stay_listed(backend: Backend, road: Recorded) -> None:
    for _ in range(FINISHED_KEPT + 3):
        job = backend.submit(stylize(), [PIXELS])
        come(backend, road, job.ticket, Cancelled("j"))
    assert len(backend.jobs) == FINISHED_KEPT


# --- choices -------------------------------------------------------------------------------------------------


def test_choices_refuse_what_is_out_of_range_or_of_another_type() -> None:
    for wrong in (
        {"strength": 1.5},
        {"strength": float("nan")},
        {"absolute_strokes": 1},
        {"seed": 0.5},
        {"style": None},
    ):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            StyleChoices(**wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="source must be one of"):
        UpscaleChoices(source="nothing")


def test_the_mix_becomes_weights_and_frames_of_masks() -> None:
    choices = StyleChoices("a:0.7@selection + b:0.3@mask:Sky + c:0@light + d@selection")
    assert choices.mask_places == ["selection", "mask:Sky"] and choices.places_selection
    assert choices.styles() == [StyleChoice("a", 0.7, 1), StyleChoice("b", 0.3, 2), StyleChoice("d", 1.0, 1)]
    with pytest.raises(ValueError, match="no style"):
        StyleChoices().styles()
    for wrong in ("a:0 + b:0", "a + b + c + d + e", "a@nowhere"):
        with pytest.raises(ValueError, match="style: "):
            StyleChoices(wrong)


def test_the_first_place_leaves_the_rest_to_the_others_and_the_last_gives_it_back() -> None:
    choices = StyleChoices("a + b + c").with_part(0, place="light")
    assert choices.style == "a@light + b@rest + c@rest"
    assert choices.with_part(1, place="dark").style == "a@light + b@dark + c@rest"
    assert choices.with_part(0, place="everywhere").style == "a + b + c"
    assert choices.without_part(0).style == "b + c"


def test_styles_join_and_leave_a_mix() -> None:
    one = StyleChoices("a:0.4")
    assert one.with_another("b").style == "a:0.4 + b:0.4"
    assert one.without_part(0) == one
    assert StyleChoices("a:0 + b").without_part(1).style == "a"
    assert StyleChoices("a@light + b@rest").with_another("c").style == "a@light + b@rest + c@rest"
    assert StyleChoices("a + b").without_packs(lambda pack: pack == "a").style == "b"
    assert StyleChoices("a").without_packs(lambda pack: True).style == ""


def test_places_are_listed_with_the_masks_of_the_picture() -> None:
    assert ("mask:Sky", "Sky") in place_words(["Sky"])
    assert place_words([], "mask:Sky")[-1] == ("mask:Sky", "Sky (is gone)")
    assert place_words([], layers=["Fog"])[-2:] == [
        ("luminance:Fog", "Fog: brightness"),
        ("alpha:Fog", "Fog: opacity"),
    ]
    assert place_words([], "luminance:Fog")[-1] == ("luminance:Fog", "Fog (is gone)")


def test_a_style_on_the_same_network_is_mixed_in_first(backend: Backend, road: Recorded) -> None:
    packs = [
        PackInfo(name, name.title(), "affine", network=net) for name, net in (("a", "n1"), ("b", "n2"), ("c", "n1"))
    ]
    come(backend, road, 0, Packs(packs, 1))
    assert backend.another_style(StyleChoices("a")) == "c"
    assert backend.another_style(StyleChoices("a + c")) == "b"
    assert backend.another_style(StyleChoices("a + b + c")) == ""
    assert backend.mixed_as_pictures(StyleChoices("a + b")) and not backend.mixed_as_pictures(StyleChoices("a + c"))


def test_layer_names_tell_style_mix_and_strength() -> None:
    titles = {"a": "Great Wave", "b": "Night"}
    assert StyleChoices(style="a").layer_name(titles) == "Great Wave"
    assert StyleChoices(style="a", strength=0.6).layer_name(titles) == "Great Wave (60 %)"
    assert StyleChoices("a:0.7 + b:0.3").layer_name(titles) == "Great Wave + Night 30 %"
    assert StyleChoices("a@light + b@rest").layer_name(titles) == "Great Wave + Night"
    assert words.upscaled_name("Ink", 2.0) == "Ink ×2"
    assert words.free_name("Ink", ["Ink", "Ink 2"]) == "Ink 3"


def test_every_choice_has_a_label_and_its_default_lies_in_its_range() -> None:
    for kind in (StyleChoices, UpscaleChoices, TrainChoices):
        made = kind()
        for name in vars(made):
            assert option(kind, name).label
    with pytest.raises(KeyError):
        option(StyleChoices, "nothing")


def test_boldness_and_sizes_travel_with_the_choices() -> None:
    choices = StyleChoices(style="wave", boldness=-0.5, stroke_scale=2.0, absolute_strokes=True)
    message = choices.message(ImageInfo(40, 30), "preview", picture_pixels=12_000_000, scale=0.1)
    assert (message.boldness, message.stroke_scale, message.absolute_strokes) == (-0.5, 2.0, True)
    assert (message.picture_pixels, message.scale, message.priority) == (12_000_000, 0.1, "preview")


def test_choices_survive_a_session_and_a_file_of_another_version(tmp_path: Any) -> None:
    file = ChoicesFile(tmp_path / "deep" / "choices.json")
    assert file.get("style", StyleChoices) == StyleChoices() and not file.damaged
    kept = StyleChoices("wave + night", strength=0.5, seed=25)
    file.put("style", kept)
    file.put("window", {"tab": 2})
    assert ChoicesFile(file.path).get("style", StyleChoices) == kept
    assert file.read()["window"] == {"tab": 2}
    data = file.read()
    data["style"] |= {"strength": 7, "unknown": 1, "stroke_scale": 2}
    file.path.write_text(json.dumps(data))
    assert file.get("style", StyleChoices) == StyleChoices("wave + night", seed=25, stroke_scale=2.0)
    file.path.write_text("{")
    assert file.get("style", StyleChoices) == StyleChoices() and file.damaged
    assert read_choices(StyleChoices, ["no"]) == StyleChoices()


# --- areas and words -----------------------------------------------------------------------------------------


def test_a_selection_takes_context_with_it_but_never_leaves_the_picture() -> None:
    bounds = Area(0, 0, 1000, 800)
    assert with_context(Area(400, 300, 100, 80), bounds) == Area(288, 188, 324, 304)
    assert with_context(Area(0, 0, 1000, 800), bounds) == bounds
    assert with_context(Area(10, 10, 400, 100), bounds) == Area(0, 0, 522, 222)
    assert with_context(Area(400, 300, 10, 10), bounds, mark_size=2) == Area(176, 76, 458, 458)
    assert Area(5, 5, 3, 3).meet(Area(20, 20, 4, 4)).empty


def test_fitting_keeps_the_shape_and_never_enlarges() -> None:
    assert fitted(4000, 3000, 320) == (320, 240)
    assert fitted(100, 50, 320) == (100, 50)
    assert fitted(10000, 2, 320) == (320, 1)
    assert fitted(10000, 2, 320, least=8) == (320, 8)


def test_rows_are_cut_out_of_the_middle() -> None:
    data = memoryview(bytes(range(5 * 4 * 2)))
    cut = crop_rows(data, 5, 2, Area(1, 2, 3, 2))
    assert cut == bytes([22, 23, 24, 25, 26, 27, 32, 33, 34, 35, 36, 37])


def test_texts_come_in_the_installed_language(tmp_path: Any) -> None:
    ts = tmp_path / "de.ts"
    ts.write_text(
        '<TS language="de"><context><message><source>about {n} s left</source><translation>noch {n} s</translation>'
        '</message><message><source>Done</source><translation type="unfinished">x</translation></message>'
        "</context></TS>",
        "utf-8",
    )
    table = words.load_ts(ts)
    try:
        words.use_translation(table)
        assert words.remaining_text(12) == "noch 12 s"
        assert words.tr("Done") == "Done"
    finally:
        words.use_translation({})
    assert words.remaining_text(12) == "about 12 s left"


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, ""), (0.2, "a moment left"), (89, "about 89 s left"), (600, "about 10 min left")]
)
def test_the_remaining_time_is_told_in_the_unit_a_person_would_use(seconds: float | None, text: str) -> None:
    assert words.remaining_text(seconds) == text


def test_our_own_mistake_is_called_so_without_a_traceback() -> None:
    problem = words.explain(KeyError("pixel"))
    assert problem.code == "bug" and "Traceback" not in problem.text and "KeyError" in problem.detail
