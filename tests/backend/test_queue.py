"""The queue: priorities, replacement, cancel, training, progress; first by example, then by all that can happen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from scumble_backend import errors
from scumble_backend.job import Send, Start, Stop, StopTraining
from scumble_backend.serving import queue
from scumble_backend.serving.queue import MAX_WAITING, MAX_WAITING_IN_ALL, PATIENCE_S, JobQueue
from scumble_wire.messages import (
    FINAL,
    Accepted,
    Cancelled,
    Copy,
    Done,
    Failed,
    ImageInfo,
    ImageResult,
    PackInfo,
    Progress,
    Train,
    Trained,
)

IMAGE = ImageInfo(8, 8)
RESULT = ImageResult("", IMAGE, "cpu", 1.0, 0.5)
TRAINED = Trained("", PackInfo("new", "New", "affine"), "", 1.0)


@dataclass
class Stage:
    """A queue with what it has asked for."""

    queue: JobQueue = field(default_factory=JobQueue)
    now: float = 0.0
    actions: list[Any] = field(default_factory=list)

    def do(self, actions: list[Any]) -> list[Any]:
        self.actions += actions
        return actions

    def submit(self, client: bytes = b"a", request: int = 1, priority: str = "apply") -> str:
        made = self.do(self.queue.submit(client, request, Copy(IMAGE, priority), (b"pixels",), self.now))  # type: ignore[arg-type]
        return next(a.message.job for a in made if isinstance(a, Send) and isinstance(a.message, Accepted))

    def train(self, name: str = "t1", client: bytes = b"a", request: int = 1) -> str:
        self.do(self.queue.submit(client, request, Train(IMAGE, "New"), (), self.now, name=name))
        return name

    def started(self) -> list[str]:
        return [a.job for a in self.actions if isinstance(a, Start)]

    def said(self, kind: type, client: bytes | None = None) -> list[Any]:
        sends = [a for a in self.actions if isinstance(a, Send) and isinstance(a.message, kind)]
        return [a.message for a in sends if client is None or a.client == client]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_a_job_is_accepted_then_started_with_its_pixels(stage: Stage) -> None:
    job = stage.submit()
    assert isinstance(stage.actions[0].message, Accepted)
    start = next(a for a in stage.actions if isinstance(a, Start))
    assert (start.job, start.frames) == (job, (b"pixels",))


def test_jobs_of_one_priority_run_in_order(stage: Stage) -> None:
    first, second, third = stage.submit(), stage.submit(), stage.submit(b"b")
    assert stage.started() == [first]
    stage.do(stage.queue.finished(first, RESULT, (), 1.0))
    stage.do(stage.queue.finished(second, RESULT, (), 2.0))
    assert stage.started() == [first, second, third]


def test_apply_overtakes_batch_that_waits(stage: Stage) -> None:
    running = stage.submit(priority="batch")
    batch = stage.submit(priority="batch")
    stage.do(stage.queue.finished(running, RESULT, (), 1.0))
    assert stage.started() == [running, batch]
    stage.now = 1.0
    late, apply = stage.submit(priority="batch"), stage.submit(priority="apply")
    stage.do(stage.queue.finished(apply, RESULT, (), 1.0))
    stage.do(stage.queue.finished(batch, RESULT, (), 1.0))
    assert stage.started() == [running, batch, apply, late]


def test_a_preview_starts_inside_a_running_painting_but_not_inside_another_preview(stage: Stage) -> None:
    long = stage.submit(priority="apply")
    preview = stage.submit(b"b", priority="preview")
    other = stage.submit(b"c", priority="preview")
    assert stage.started() == [long, preview]
    stage.do(stage.queue.finished(preview, RESULT, (), 1.0))
    stage.do(stage.queue.progressed(long, 0.1, "painting", 2.0))  # it has had its second, too
    assert stage.started() == [long, preview, other]


def test_positions_count_the_jobs_before_it(stage: Stage) -> None:
    for priority in ("batch", "batch", "apply", "preview"):
        stage.submit(priority=priority)
    assert [message.position for message in stage.said(Accepted)] == [0, 1, 0, 0]


def test_jobs_go_to_free_devices_and_an_urgent_one_into_what_matters_least(stage: Stage) -> None:
    stage.do(stage.queue.open_lane(1, stage.now))
    batch, apply, waiting = stage.submit(priority="batch"), stage.submit(priority="apply"), stage.submit(b"b")
    lanes = {action.job: action.lane for action in stage.actions if isinstance(action, Start)}
    assert lanes == {batch: 0, apply: 1, waiting: 0}, "the batch yields to the third"
    preview = stage.submit(b"c", priority="preview")
    lanes = {action.job: action.lane for action in stage.actions if isinstance(action, Start)}
    assert lanes[preview] in (0, 1) and len(lanes) == 4
    stage.do(stage.queue.finished(preview, RESULT, (), stage.now))
    stage.queue.close_lanes()
    stage.do(stage.queue.finished(apply, RESULT, (), stage.now))
    last = stage.submit(b"d", priority="batch")
    assert last not in stage.started(), "the second device takes no more jobs"


def test_a_device_that_becomes_ready_takes_what_waits(stage: Stage) -> None:
    first, second = stage.submit(), stage.submit()
    assert stage.started() == [first]
    stage.do(stage.queue.open_lane(1, stage.now))
    assert stage.started() == [first, second]
    assert stage.queue.count("running") == 2


def test_a_newer_preview_replaces_the_same_clients_waiting_and_running_ones(stage: Stage) -> None:
    running = stage.submit(request=1, priority="preview")
    waiting = stage.submit(request=2, priority="preview")  # replaces the running one, waits for its end
    newest = stage.submit(request=3, priority="preview")
    assert [a.job for a in stage.actions if isinstance(a, Stop)] == [running]
    assert stage.said(Cancelled) == [Cancelled(waiting, replaced=True)]
    stage.do(stage.queue.stopped(running, 1.0))
    assert stage.said(Cancelled)[1] == Cancelled(running, replaced=True)
    assert stage.started() == [running, newest]


def test_a_preview_leaves_other_clients_previews_alone(stage: Stage) -> None:
    stage.submit(b"a", priority="preview")
    stage.submit(b"b", priority="preview")
    assert not stage.said(Cancelled)


def test_cancel_is_answered_at_once_and_ends_the_stream_when_the_job_has_stopped(stage: Stage) -> None:
    job = stage.submit()
    stage.actions.clear()
    stage.do(stage.queue.cancel(b"a", 9, job, 0.0))
    assert [type(a.message) if isinstance(a, Send) else type(a) for a in stage.actions] == [Done, Stop]
    stage.do(stage.queue.stopped(job, 1.0))
    assert stage.said(Cancelled) == [Cancelled(job)]


def test_a_cancel_that_comes_too_late_still_ends_with_cancelled(stage: Stage) -> None:
    job = stage.submit()
    stage.do(stage.queue.cancel(b"a", 9, job, 0.0))
    stage.do(stage.queue.finished(job, RESULT, (), 1.0))
    assert stage.said(Cancelled) and not stage.said(ImageResult)


@pytest.mark.parametrize("verb", ["cancel", "pause", "resume"])
def test_an_unknown_job_is_told_with_the_code_of_the_error_tree(stage: Stage, verb: str) -> None:
    (action,) = getattr(stage.queue, verb)(b"a", 1, "nope", 0.0)
    assert action.message.code == errors.JobUnknown.code


def test_painting_can_not_be_paused_or_watched(stage: Stage) -> None:
    job = stage.submit()
    for actions in (stage.queue.pause(b"a", 1, job, 0.0), stage.queue.watch(b"b", 1, job)):
        assert actions[0].message.code == errors.JobNotSuitable.code


def test_a_queue_that_is_full_says_so(stage: Stage) -> None:
    for _ in range(MAX_WAITING + 1):
        stage.submit()
    (action,) = stage.queue.submit(b"a", 5, Copy(IMAGE), (b"",), 0.0)
    assert action.message.code == errors.QueueFull.code
    stage.submit(b"b")  # another client is not concerned


def test_all_clients_together_have_a_bound_too(stage: Stage) -> None:
    for number in range(MAX_WAITING_IN_ALL + 1):  # one runs
        stage.submit(b"client %d" % (number % 50))
    (action,) = stage.queue.submit(b"new", 5, Copy(IMAGE), (b"",), 0.0)
    assert action.message.code == errors.QueueFull.code
    stage.do(stage.queue.finished(stage.started()[0], RESULT, (), 1.0))
    stage.submit(b"new")


def test_pixels_that_wait_have_a_bound_but_one_large_job_is_taken(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "MAX_WAITING_BYTES", 10)
    stage.submit()  # runs: its pixels are the worker's
    for taken in (True, False):
        action = stage.queue.submit(b"a", 5, Copy(IMAGE), (bytes(20),), 0.0)[0]
        assert isinstance(action, Send) and isinstance(action.message, Accepted if taken else Failed)


def test_an_overtaken_job_begins_after_a_second_though_previews_wait(stage: Stage) -> None:
    stage.submit(b"b", priority="preview")
    apply = stage.submit(b"a", priority="apply")
    for number in range(10):
        stage.now = number * 0.4
        stage.submit(b"b" if number % 2 else b"c", priority="preview")
        if apply in stage.started():
            break
        stage.do(stage.queue.finished(stage.started()[-1], RESULT, (), stage.now + 0.4))
    assert apply in stage.started() and stage.now <= 1.6


def test_previews_inside_a_job_get_no_more_time_than_the_job_itself(stage: Stage) -> None:
    apply = stage.submit(b"a", priority="apply")
    first = stage.submit(b"b", priority="preview")
    stage.do(stage.queue.finished(first, RESULT, (), 0.5))
    stage.now = 0.5
    second = stage.submit(b"b", priority="preview")
    for now, started in ((0.6, False), (0.9, False), (1.0, True)):
        stage.do(stage.queue.progressed(apply, now / 10, "painting", now))
        assert (second in stage.started()) is started


@given(
    work_s=st.floats(0.1, 20),
    previews=st.lists(st.tuples(st.floats(0.001, 1.5), st.floats(0, 0.05)), min_size=1, max_size=12),
    clients=st.integers(1, 4),
)
@hypothesis_settings(max_examples=60, deadline=None)
def test_a_flood_of_previews_at_most_doubles_the_time_of_a_job(
    work_s: float, previews: list[tuple[float, float]], clients: int
) -> None:
    """A worker in slow motion: there is always a preview of every other client that wants to be painted.

    previews: seconds that each takes, and after how many seconds its client sends the next one; again and again.
    """
    step_s, longest = 0.05, max(length for length, _ in previews)
    jobs = JobQueue()
    now, stack, left, sent = 0.0, [], {}, 0
    due = [0.0] * clients

    def take(actions: list[Any]) -> None:
        for action in actions:
            if isinstance(action, Start):
                stack.append(action.job)
                left.setdefault(action.job, previews[len(left) % len(previews)][0])

    def flood() -> None:
        nonlocal sent
        for client in range(clients):
            if now >= due[client]:
                sent += 1
                due[client] = now + 0.02 + previews[sent % len(previews)][1]
                take(jobs.submit(b"flood %d" % client, sent, Copy(IMAGE, "preview"), (b"",), now))

    flood()
    actions = jobs.submit(b"artist", 1, Copy(IMAGE, "apply"), (b"",), now)
    (apply,) = [a.message.job for a in actions if isinstance(a, Send) and isinstance(a.message, Accepted)]
    left[apply] = work_s
    take(actions)
    while left[apply] > 0:
        now += step_s
        job = stack[-1]
        left[job] -= step_s
        flood()
        found = jobs.get(job)
        assert found is not None
        if found.stopping:
            stack.pop()
            take(jobs.stopped(job, now))
        elif left[job] <= 0 and job != apply:
            stack.pop()
            take(jobs.finished(job, RESULT, (), now))
        else:
            take(jobs.progressed(job, 0.5, "painting", now))
        assert now <= PATIENCE_S + 2 * work_s + 3 * (longest + 2 * step_s), (stack, left[apply])


def test_a_client_that_leaves_frees_its_jobs_but_not_its_training(stage: Stage) -> None:
    running, waiting, training = stage.submit(), stage.submit(), stage.train()
    other = stage.submit(b"b")
    stage.actions.clear()
    stage.do(stage.queue.abandon(b"a", 0.0))
    assert stage.actions == [Stop(running)]
    stage.do(stage.queue.stopped(running, 0.0))
    assert stage.started() == [other]
    states = {job.job: job.state for job in stage.queue.listing(b"b").jobs}
    assert states == {running: "cancelled", waiting: "cancelled", training: "running", other: "running"}


def test_progress_never_falls_and_is_not_sent_more_often_than_needed(stage: Stage) -> None:
    job = stage.submit()
    stage.actions.clear()
    for step, fraction in enumerate([0.1, 0.5, 0.3, float("nan"), 0.6, 7.0]):
        stage.do(stage.queue.progressed(job, fraction, "painting", step * 1.0))
    assert [m.fraction for m in stage.said(Progress)] == [0.1, 0.5, 0.5, 0.5, 0.6, 1.0]
    stage.actions.clear()
    for step in range(100):
        stage.do(stage.queue.progressed(job, 1.0, "painting", 6.0 + step * 0.001))
    assert len(stage.said(Progress)) <= 3


def test_the_time_left_follows_from_the_speed(stage: Stage) -> None:
    job = stage.submit()
    stage.do(stage.queue.progressed(job, 0.01, "painting", 1.0))
    assert stage.said(Progress)[-1].remaining_s is None
    stage.do(stage.queue.progressed(job, 0.25, "painting", 2.0))
    assert stage.said(Progress)[-1].remaining_s == pytest.approx(6.0)


def test_training_pauses_resumes_and_ends_for_all_who_watch(stage: Stage) -> None:
    job = stage.train(client=b"a", request=1)
    stage.do(stage.queue.watch(b"b", 5, job))
    stage.do(stage.queue.pause(b"b", 6, job, 0.0))
    assert stage.actions[-1] == StopTraining(job, pause=True)
    stage.do(stage.queue.stopped(job, 1.0))
    assert {a.client for a in stage.actions if isinstance(a, Send) and a.message == Progress(job, 0.0, "paused")} == {
        b"a",
        b"b",
    }
    stage.do(stage.queue.resume(b"a", 7, job, 2.0))
    assert stage.started()[-1] == job
    stage.do(stage.queue.finished(job, TRAINED, (), 3.0))
    assert stage.said(Trained, b"a") and stage.said(Trained, b"b")
    late = stage.queue.watch(b"c", 1, job)
    assert [type(a.message) for a in late if isinstance(a, Send)] == [Accepted, Trained]


def test_a_resume_during_a_pause_starts_again_when_the_checkpoint_is_written(stage: Stage) -> None:
    job = stage.train()
    stage.do(stage.queue.pause(b"a", 2, job, 0.0))
    stage.do(stage.queue.resume(b"a", 3, job, 0.0))
    stage.actions.clear()
    stage.do(stage.queue.stopped(job, 1.0))
    assert [a.job for a in stage.actions if isinstance(a, Start)] == [job]


def test_cancel_during_a_pause_wins(stage: Stage) -> None:
    job = stage.train()
    stage.do(stage.queue.pause(b"a", 2, job, 0.0))
    stage.do(stage.queue.cancel(b"a", 3, job, 0.0))
    assert stage.actions[-1] == StopTraining(job, pause=False)
    stage.do(stage.queue.stopped(job, 1.0))
    assert stage.said(Cancelled)


def test_failed_and_restored_training_can_go_on(stage: Stage) -> None:
    job = stage.train()
    stage.do(stage.queue.failed(job, Failed("training_failed", "It crashed.", "Resume it.", job), 1.0))
    stage.queue.restore("old", Train(IMAGE, "Old"), "paused", fraction=0.5)
    stage.actions.clear()
    stage.do(stage.queue.resume(b"z", 1, "old", 2.0))
    stage.do(stage.queue.resume(b"z", 2, job, 2.0))
    assert [a.job for a in stage.actions if isinstance(a, Start)] == ["old"]  # one at a time
    stage.do(stage.queue.finished("old", TRAINED, (), 3.0))
    assert stage.started()[-1] == job


class AnyOrder(RuleBasedStateMachine):
    """Whatever comes in whatever order: one stream per job, lanes never overfull, nothing starves or is lost."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = JobQueue()
        self.now = 0.0
        self.request = 0
        self.streams: dict[tuple[bytes, int], list[Any]] = {}
        self.watching: dict[tuple[bytes, int], str] = {}
        self.lane: list[str] = []  # what the worker was given and has not reported yet
        self.training: list[str] = []
        self.stops: set[str] = set()
        self.gone: set[bytes] = set()

    def take(self, actions: list[Any]) -> None:
        for action in actions:
            if isinstance(action, Send):
                self.streams.setdefault((action.client, action.request), []).append(action.message)
                if isinstance(action.message, Accepted):
                    self.watching[action.client, action.request] = action.message.job
            elif isinstance(action, Start):
                lane = self.training if isinstance(action.message, Train) else self.lane
                assert action.job not in lane
                lane.append(action.job)
                self.stops.discard(action.job)
            else:
                assert action.job in self.lane + self.training, "only what runs can be stopped"
                self.stops.add(action.job)

    def next_request(self) -> int:
        self.request += 1
        self.now += 0.01
        return self.request

    clients = st.sampled_from([b"a", b"b", b"c"])

    @rule(client=clients, priority=st.sampled_from(["preview", "apply", "batch"]))
    def submit(self, client: bytes, priority: Any) -> None:
        self.gone.discard(client)
        self.take(self.queue.submit(client, self.next_request(), Copy(IMAGE, priority), (b"",), self.now))

    @rule(client=clients)
    def train(self, client: bytes) -> None:
        request = self.next_request()
        self.take(self.queue.submit(client, request, Train(IMAGE, "New"), (), self.now, name=f"training-{request}"))

    @precondition(lambda self: self.queue.listing(b"").jobs)
    @rule(data=st.data(), verb=st.sampled_from(["cancel", "pause", "resume"]), client=clients)
    def ask(self, data: st.DataObject, verb: str, client: bytes) -> None:
        job = data.draw(st.sampled_from([job.job for job in self.queue.listing(b"").jobs]))
        request = self.next_request()
        self.take(getattr(self.queue, verb)(client, request, job, self.now))
        assert len(self.streams[client, request]) == 1, "each request is answered once"

    @rule(client=clients)
    def leave(self, client: bytes) -> None:
        self.gone.add(client)
        self.take(self.queue.abandon(client, self.now))

    @precondition(lambda self: self.lane)
    @rule(how=st.sampled_from(["finished", "failed", "progress"]), fraction=st.floats(0, 1))
    def worker(self, how: str, fraction: float) -> None:
        job = self.lane[-1]
        self.now += 0.2
        if how == "progress":
            self.take(self.queue.progressed(job, fraction, "painting", self.now))
            return
        self.lane.pop()
        if job in self.stops:
            self.take(self.queue.stopped(job, self.now))
        elif how == "finished":
            self.take(self.queue.finished(job, RESULT, (), self.now))
        else:
            self.take(self.queue.failed(job, Failed("internal", "Broken.", "", job), self.now))

    @precondition(lambda self: self.training)
    @rule(well=st.booleans())
    def training_ends(self, well: bool) -> None:
        job = self.training.pop()
        self.now += 1
        if job in self.stops:
            self.take(self.queue.stopped(job, self.now))
        elif well:
            self.take(self.queue.finished(job, TRAINED, (), self.now))
        else:
            self.take(self.queue.failed(job, Failed("training_failed", "Broken.", "", job), self.now))

    @invariant()
    def lanes_are_as_they_should_be(self) -> None:
        jobs = {job.job: job for job in self.queue.listing(b"").jobs}
        assert {name for name, job in jobs.items() if job.state == "running"} == {*self.lane, *self.training}
        assert len(self.training) <= 1
        found = [self.queue.get(name) for name in self.lane]
        priorities = [job.priority for job in found if job is not None]
        assert priorities == sorted(set(priorities), reverse=True), "each is more urgent than the one it is inside of"

    @invariant()
    def nothing_waits_for_a_free_lane(self) -> None:
        waiting = [job for job in self.queue.listing(b"").jobs if job.state == "waiting"]
        assert self.lane or all(job.kind == "train" for job in waiting)
        assert self.training or all(job.kind != "train" for job in waiting)

    @invariant()
    def streams_are_whole(self) -> None:
        for (client, request), stream in self.streams.items():
            job = self.watching.get((client, request))
            if job is None:
                continue
            ends = [message for message in stream if isinstance(message, FINAL)]
            if not job.startswith("training"):
                assert len(ends) <= 1 and (not ends or stream[-1] is ends[0])
                known = self.queue.get(job)
                if known is not None and known.over and client not in self.gone:
                    assert ends or known.client == client
            fractions = [message.fraction for message in stream if isinstance(message, Progress)]
            assert fractions == sorted(fractions)


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = hypothesis_settings(max_examples=60, stateful_step_count=40, deadline=None)
