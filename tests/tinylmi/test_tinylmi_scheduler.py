"""Chats join and leave between two steps; nobody waits for a client that has gone or hangs on a dead engine."""

import itertools
import queue
import threading

import numpy as np
import pytest
import tiny_model

from sluice.tinylmi.engine import Qwen3
from sluice.tinylmi.sampling import Sampler, Sampling, log_probability
from sluice.tinylmi.scheduler import BatchScheduler, EngineDead, Generation, QueueFull
from sluice.tinylmi.text import AnswerText, Text

SECONDS = 30  # until a test gives up; nothing takes that long


class Steered:
    """A model that takes a step only when it may, and remembers what it did."""

    def __init__(self, model):
        self._model, self._may = model, threading.Semaphore(0)
        self.free, self.broken, self.done = True, False, queue.Queue()

    def hold(self):
        self.free = False

    def let_go(self, steps=1):
        self._may.release(steps)

    def break_down(self):
        self.broken = True
        self.let_go(100)

    def did(self, count):
        return [self.done.get(timeout=SECONDS) for _ in range(count)]

    def _turn(self, what):
        if not self.free:
            assert self._may.acquire(timeout=SECONDS)
        if self.broken:
            raise FloatingPointError("nan")
        self.done.put(what)

    def cache(self, most):
        return self._model.cache(most)

    def read(self, ids, cache):
        self._turn(f"read {len(ids)}")
        return self._model.read(ids, cache)

    def step(self, tokens, caches):
        self._turn(f"step {len(tokens)}")
        return self._model.step(tokens, caches)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_model.write(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def text(folder):
    return Text(folder)


@pytest.fixture
def model(folder):
    return Steered(Qwen3.load(folder))


@pytest.fixture
def serve(model):
    running = []

    def start(seats=4, waiting=10, piece=16):
        running.append(BatchScheduler(model, seats, waiting, piece))
        return running[-1]

    yield start
    model.let_go(10_000)
    for scheduler in running:
        scheduler.close()


@pytest.fixture
def job(text):
    def make(ids=(1, 2, 3), limit=5, **how):
        events = queue.Queue()
        new = Generation(list(ids), limit, Sampler(Sampling(0, **how)), AnswerText(text), frozenset(), events.put)
        new.events = events
        return new

    return make


def answer(job):
    events = []
    while not (events and events[-1].last):
        events.append(job.events.get(timeout=SECONDS))
    return [event.token for event in events], events[-1]


def test_an_answer_ends_at_its_limit(serve, job):
    request = job(limit=3)
    serve().submit(request)
    tokens, end = answer(request)
    assert (len(tokens), end.reason) == (3, "length")


def test_many_at_once_get_what_each_would_get_alone(serve, job):
    scheduler = serve(seats=3, piece=4)
    prompts = [list(range(3, 6 + 5 * number)) for number in range(8)]
    alone = []
    for prompt in prompts:
        request = job(prompt, limit=12)
        scheduler.submit(request)
        alone.append(answer(request)[0])
    together = [job(prompt, limit=12) for prompt in prompts]
    for request in together:
        scheduler.submit(request)
    assert [answer(request)[0] for request in together] == alone


def test_a_long_prompt_is_read_between_the_steps_of_a_running_answer(serve, job, model):
    scheduler = serve(piece=16)
    model.hold()
    talking, reading = job(limit=50), job(range(3, 67), limit=1)
    scheduler.submit(talking)
    model.let_go(2)
    assert model.did(2) == ["read 3", "step 1"]
    scheduler.submit(reading)
    model.let_go(10)
    did = model.did(10)
    assert did.count("read 16") == 4
    assert ("read 16", "read 16") not in itertools.pairwise(did)


def test_a_short_prompt_need_not_wait_for_a_long_one(serve, job, model):
    scheduler = serve(piece=16)
    model.hold()
    long, short = job(range(3, 163), limit=1), job(limit=1)
    scheduler.submit(long)
    scheduler.submit(short)
    model.let_go(4)
    answer(short)
    assert long.events.empty()


def test_who_has_gone_frees_the_seat_at_once(serve, job, model):
    scheduler = serve(seats=1)
    model.hold()
    gone, waiting = job(limit=1000), job(limit=1)
    scheduler.submit(gone)
    scheduler.submit(waiting)
    model.let_go(2)
    model.did(2)
    scheduler.cancel(gone)
    model.let_go(2)  # the step under way, then the next chat
    answer(waiting)
    assert gone.count <= 3


def test_who_has_gone_frees_the_place_in_the_queue(serve, job, model):
    scheduler = serve(seats=1, waiting=1)
    model.hold()
    scheduler.submit(job())
    while scheduler.load[1]:
        pass
    waiting = job()
    scheduler.submit(waiting)
    with pytest.raises(QueueFull):
        scheduler.submit(job())
    scheduler.cancel(waiting)
    scheduler.submit(job())


def test_a_broken_engine_fails_everyone_and_says_so(serve, job, model):
    scheduler = serve(seats=1)
    model.hold()
    running, waiting = job(limit=50), job()
    scheduler.submit(running)
    scheduler.submit(waiting)
    assert scheduler.is_healthy
    model.break_down()
    assert "FloatingPointError" in answer(running)[1].error
    assert answer(waiting)[1].error
    assert not scheduler.is_healthy
    with pytest.raises(EngineDead):
        scheduler.submit(job())


def test_a_stopping_server_fails_who_is_left(serve, job, model):
    scheduler = serve()
    model.hold()
    abandoned = job(limit=1000)
    scheduler.submit(abandoned)
    model.let_go(1)
    model.did(1)
    threading.Thread(target=scheduler.close).start()
    model.let_go(5)
    assert answer(abandoned)[1].error == "the server is stopping"
    assert not scheduler.is_healthy


LOGITS = np.array([0.0, 3.0, 1.0, 2.9, -5.0], np.float32)


def drawn(count=200, **how):
    sampler = Sampler(Sampling(**how))
    return [sampler.next(LOGITS) for _ in range(count)]


def test_temperature_zero_takes_the_likeliest():
    assert set(drawn(temperature=0)) == {1}


def test_the_same_seed_draws_the_same():
    assert drawn(seed=5) == drawn(seed=5)
    assert drawn(seed=5) != drawn(seed=6)
    assert drawn(seed=-5) != drawn(seed=5)


def test_without_a_seed_draws_differ():
    assert drawn() != drawn()


def test_draws_follow_the_probabilities():
    p = np.exp(LOGITS) / np.exp(LOGITS).sum()
    counts = np.bincount(drawn(20_000, seed=1), minlength=5) / 20_000
    assert np.abs(counts - p).max() < 0.02


@pytest.mark.parametrize(
    ("how", "allowed"),
    [
        ({"top_k": 2}, {1, 3}),
        ({"top_p": 0.4}, {1}),
        ({"top_p": 0.9}, {1, 3}),
        ({"top_k": 1}, {1}),
        ({"top_p": 1e-9}, {1}),
    ],
)
def test_the_unlikely_are_left_out(how, allowed):
    assert set(drawn(seed=2, **how)) == allowed


@pytest.mark.parametrize("temperature", [1e-4, 1e300])
def test_extreme_temperatures_still_draw_a_token(temperature):
    assert set(drawn(temperature=temperature, seed=0)) <= set(range(5))


def test_log_probabilities_are_the_models_own():
    assert log_probability(LOGITS, 1) == pytest.approx(float(LOGITS[1] - np.log(np.exp(LOGITS).sum())), abs=1e-6)
