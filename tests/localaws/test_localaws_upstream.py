"""One request to an endpoint's process: what comes back, and what ends it."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from sluice.localaws.sagemakerruntime.upstream import Broken, ClientGone, Exchange, TimedOut, Unreachable

Serve = Callable[..., int]
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def server() -> Iterator[Serve]:
    """Answers one request with the given pieces, and then closes or waits for the end of the test."""
    over = threading.Event()
    with ExitStack() as stack:

        def serve(*pieces: bytes, then_wait: bool = False) -> int:
            listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

            def answer() -> None:
                connection, _ = listening.accept()
                with connection:
                    connection.recv(65536)
                    for piece in pieces:
                        connection.sendall(piece)
                    if then_wait:
                        over.wait(30)

            thread = threading.Thread(target=answer)
            thread.start()
            stack.callback(thread.join)
            stack.callback(over.set)
            return int(listening.getsockname()[1])

        yield serve


def open_exchange(port: int, client: socket.socket | None = None, seconds: float = 30.0) -> Exchange:
    return Exchange(port, {"Content-Type": "application/json"}, b"{}", client, seconds)


def test_an_answer_with_a_length_or_in_chunks_or_up_to_the_end_is_read_whole(server: Serve) -> None:
    answers = [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", b"llo"),
        (CHUNKED + b"2\r\nhe\r\n", b"3\r\nllo\r\n0\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\n\r\nhe", b"llo"),
    ]
    for pieces in answers:
        with closing(open_exchange(server(*pieces))) as exchange:
            assert exchange.status == 200
            assert exchange.read() == b"hello"


def test_nobody_there_is_unreachable(server: Serve) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(Unreachable):
        open_exchange(port)


def test_an_answer_that_breaks_off_is_broken(server: Serve) -> None:
    for head in (b"", b"HTTP/1.1 2", b"nonsense\r\n\r\n"):
        with pytest.raises(Broken):
            open_exchange(server(head))
    with closing(open_exchange(server(CHUNKED + b"5\r\nhe"))) as exchange, pytest.raises(Broken):
        exchange.read()


def test_an_answer_that_takes_too_long_is_given_up_before_or_in_its_body(server: Serve) -> None:
    with pytest.raises(TimedOut):
        open_exchange(server(then_wait=True), seconds=0.05)
    with closing(open_exchange(server(CHUNKED, then_wait=True))) as exchange:
        exchange.extend(0.05)
        with pytest.raises(TimedOut):
            exchange.read()


def test_a_client_that_hangs_up_ends_it_before_and_in_the_body(server: Serve) -> None:
    near, there = socket.socketpair()
    with near, closing(open_exchange(server(CHUNKED, then_wait=True), client=near)) as exchange:
        there.close()
        with pytest.raises(ClientGone):
            exchange.read()
        with pytest.raises(ClientGone):
            open_exchange(server(then_wait=True), client=near)


def test_a_client_that_has_more_to_say_is_let_alone(server: Serve) -> None:
    near, there = socket.socketpair()
    with near, there, closing(open_exchange(server(CHUNKED, b"2\r\nhi\r\n0\r\n\r\n"), client=near)) as exchange:
        there.sendall(b"GET / HTTP/1.1\r\n")
        assert exchange.read() == b"hi"
