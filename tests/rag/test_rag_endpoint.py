"""The live endpoint is followed: looked up in the background, once for many, and kept while the registry is away."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from fake_rag import GROUP, FakeRegistry

from sluice.rag.endpoint import Live, LiveEndpointWatcher, RegistryUnreachable, find_live
from sluice.registry.packages import NothingLive


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def registry() -> FakeRegistry:
    registry = FakeRegistry()
    registry.live("chat-v1", version=1, context=4096)
    return registry


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def follower(registry: FakeRegistry, clock: Clock) -> Iterator[LiveEndpointWatcher]:
    follower = LiveEndpointWatcher(lambda: find_live(registry, GROUP), 0.01, clock)
    yield follower
    follower.stop()


def test_the_live_package_says_where_to_ask_and_how_much_fits(registry: FakeRegistry) -> None:
    live = find_live(registry, GROUP)
    assert (live.endpoint, live.version, live.context) == ("chat-v1", 1, 4096)
    registry.live("chat-v2", version=2)
    assert find_live(registry, GROUP).context is None


def test_many_questions_cost_one_look(registry: FakeRegistry, follower: LiveEndpointWatcher) -> None:
    for _ in range(50):
        assert follower.current()[0].endpoint == "chat-v1"
    assert registry.looks == 1


def test_a_new_version_is_found_in_the_background(registry: FakeRegistry, follower: LiveEndpointWatcher) -> None:
    follower.current()
    registry.live("chat-v2", version=2)
    follower.start()
    registry.wait_for_looks(3)
    assert follower.current()[0].endpoint == "chat-v2"


def test_many_who_lost_the_endpoint_look_once_together(registry: FakeRegistry, follower: LiveEndpointWatcher) -> None:
    _, look = follower.current()
    registry.live("chat-v2", version=2)
    registry.held = threading.Event()
    found: list[str] = []
    asking = [threading.Thread(target=lambda: found.append(follower.look_again(look)[0].endpoint)) for _ in range(20)]
    for thread in asking:
        thread.start()
    registry.wait_for_looks(2)
    registry.held.set()
    for thread in asking:
        thread.join(20)
    assert found == ["chat-v2"] * 20
    assert registry.looks == 2


def test_the_last_good_answer_is_kept_with_its_age(
    registry: FakeRegistry, follower: LiveEndpointWatcher, clock: Clock
) -> None:
    _, look = follower.current()
    registry.cannot_be_reached()
    clock.seconds += 42
    live, look = follower.look_again(look)
    assert live.endpoint == "chat-v1"
    known, age = follower.latest_look()
    assert known is not None and "sagemaker" in known.failure
    assert age == 42
    registry.is_back()
    registry.live("chat-v2", version=2)
    assert follower.look_again(look)[0].endpoint == "chat-v2"
    assert follower.latest_look()[1] == 0


def test_a_registry_never_reached_is_an_error_that_says_so(
    registry: FakeRegistry, follower: LiveEndpointWatcher
) -> None:
    registry.cannot_be_reached()
    with pytest.raises(RegistryUnreachable):
        follower.current()
    registry.is_back()
    assert follower.current()[0].endpoint == "chat-v1"


def test_nothing_live_is_an_answer_and_not_a_failure(registry: FakeRegistry, follower: LiveEndpointWatcher) -> None:
    _, look = follower.current()
    registry.nothing_is_live()
    with pytest.raises(NothingLive, match=GROUP):
        follower.look_again(look)
    with pytest.raises(NothingLive):
        follower.current()
    assert registry.looks == 2


def test_the_background_outlives_what_nobody_foresaw(clock: Clock) -> None:
    looks: list[int] = []
    enough = threading.Event()

    def find() -> Any:
        looks.append(1)
        if len(looks) < 3:
            raise ZeroDivisionError
        enough.set()
        return Live("chat-v1", 1)

    follower = LiveEndpointWatcher(find, 0.01, clock)
    follower.start()
    assert enough.wait(20)
    assert follower.current()[0].endpoint == "chat-v1"
    follower.stop()


class Pauses(threading.Event):
    """A wait that ends at once, and after some of them the time to stop has come; it keeps how long each would be."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.waits: list[float | None] = []
        self.most = most

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout)
        return len(self.waits) >= self.most


def test_the_background_waits_between_two_looks(registry: FakeRegistry, clock: Clock) -> None:
    pauses = Pauses(most=4)
    follower = LiveEndpointWatcher(lambda: find_live(registry, GROUP), 15.0, clock, pauses)
    follower.follow()
    assert (registry.looks, pauses.waits) == (4, [15.0] * 4)
