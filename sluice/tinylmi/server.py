"""An LMI container's answers from the tiny engine: a model folder, loaded, behind one scheduler.

The port is opened once the model is loaded; until then a connection is refused, as the image does it.
"""

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Send

from sluice.tinylmi import protocol, replies
from sluice.tinylmi.engine import Qwen3, read_shape
from sluice.tinylmi.folder import CheckpointError, read_json
from sluice.tinylmi.protocol import Defaults, GenerationRequest
from sluice.tinylmi.sampling import Sampler, Sampling
from sluice.tinylmi.scheduler import BatchScheduler, EngineDead, Event, Generation, QueueFull
from sluice.tinylmi.settings import ServerSettings, StartError
from sluice.tinylmi.text import AnswerText, Text
from sluice.tinylmi.web import AnswerResponse, Refusal, build_application

LARGE = 32_000  # bytes: from here on a body is read on another thread, so that streams go on


@dataclass(frozen=True)
class Served:
    """A loaded model and how it is asked."""

    scheduler: BatchScheduler
    text: Text
    defaults: Defaults
    ends: frozenset[int]
    context: int
    settings: ServerSettings


def load(settings: ServerSettings) -> Served:
    """Read the model's folder and start the thread that computes; raises CheckpointError or StartError."""
    folder = settings.model or Path()
    shape = read_shape(folder)
    context = settings.max_model_len or shape.positions
    if context > shape.positions:
        raise StartError(
            f"OPTION_MAX_MODEL_LEN={context} is more than the model's max_position_embeddings={shape.positions}.",
            f"Use at most {shape.positions}.",
        )
    text = Text(folder)
    model = Qwen3.load(folder, context)
    generation = read_json(folder / "generation_config.json", required=False)
    ends = _ends(folder, generation, text)
    scheduler = BatchScheduler(model, settings.seats, settings.queue, settings.piece)
    return Served(scheduler, text, _defaults(generation, folder), ends, context, settings)


def _ends(folder: Path, generation: dict[str, Any], text: Text) -> frozenset[int]:
    """The control tokens that end an answer, from every place that names them."""
    named = [generation.get("eos_token_id"), read_json(folder / "config.json").get("eos_token_id")]
    ids = {each for value in named for each in (value if isinstance(value, list) else [value])}
    eos = read_json(folder / "tokenizer_config.json", required=False).get("eos_token")
    if isinstance(eos, str):
        ids.add(text.control(eos))
    return frozenset(each for each in ids if isinstance(each, int))


def _defaults(generation: dict[str, Any], folder: Path) -> Defaults:
    """What the image's engine takes from generation_config.json; `do_sample` is none of it."""
    for name, usual in (("repetition_penalty", 1), ("min_p", 0)):
        if generation.get(name, usual) not in (usual, None):
            raise CheckpointError(f"{folder}/generation_config.json sets {name}, which is not supported here.")
    try:
        sampling = Sampling(
            temperature=float(generation.get("temperature", 1)),
            top_p=float(generation.get("top_p", 1)),
            top_k=int(generation.get("top_k", 0)),
        )
        longest = generation.get("max_new_tokens")
        return Defaults(sampling, int(longest) if longest else None)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{folder}/generation_config.json cannot be used: {error}") from None


def application(served: Served) -> ASGIApp:
    """Return the ASGI application that answers from a loaded model."""

    async def is_healthy() -> bool:
        return served.scheduler.is_healthy

    async def start_answer(raw: bytes) -> AnswerResponse:
        request = await asyncio.to_thread(_parsed, served, raw) if len(raw) > LARGE else _parsed(served, raw)
        answering = Answering(served, request)
        try:
            served.scheduler.submit(answering.job)
        except QueueFull:
            raise Refusal(503, f"{served.settings.queue} requests are waiting already") from None
        except EngineDead:
            raise Refusal(500, "Inference Engine Failure") from None
        return answering

    return build_application(is_healthy, start_answer, served.settings.largest_body)


def _parsed(served: Served, raw: bytes) -> GenerationRequest:
    body = protocol.parse_json(raw)
    return protocol.parse_request(body, served.text, served.defaults, served.settings.served_name, served.context)


class Answering(AnswerResponse):
    """Says a job's events as they come."""

    def __init__(self, served: Served, request: GenerationRequest) -> None:
        super().__init__()
        self._served, self._request, self.prompt = served, request, len(request.ids)
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._writer = replies.Writer(request, served.text, served.settings.served_name)
        self.job = Generation(
            ids=request.ids,
            limit=request.max_tokens,
            sampler=Sampler(request.sampling),
            answer=AnswerText(served.text, request.stop),
            ends=frozenset() if request.ignore_end else served.ends,
            listener=self._receive,
            log_probabilities=request.form == "inputs" and (request.details or request.stream),
        )

    def release(self) -> None:
        self._served.scheduler.cancel(self.job)

    async def respond(self, send: Send) -> None:
        event = await self._next()
        if event.error or not self._request.stream:
            while not event.last:
                event = await self._next()
            failed = replies.error_line(500, event.error) if event.error else None
            await self.send_whole(send, 500 if failed else 200, failed or self._writer.whole())
            return
        await self.open_lines(send)
        await self.write(send, self._writer.opening())
        while not event.last:
            await self.write(send, self._writer.piece(event))
            event = await self._next()
        if event.error:  # the status is out already: the error is one more line
            await self.write(send, replies.error_line(500, event.error))
        else:
            await self.write(send, self._writer.piece(event) + self._writer.closing())
        await self.close_lines(send)

    async def _next(self) -> Event:
        event = await self._events.get()
        if event.error is None:
            self._writer.add(event)
            self.count = self._writer.count
        if event.last:
            self.how = event.reason or "failed"
        return event

    def _receive(self, event: Event) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has been closed: nobody listens any more
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)
