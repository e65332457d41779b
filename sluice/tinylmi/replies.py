"""What an answer looks like on the wire, whole or in JSON lines, in each form; every body ends with a newline."""

import json
import time
import uuid
from typing import Any

from sluice.tinylmi.protocol import GenerationRequest
from sluice.tinylmi.scheduler import Event
from sluice.tinylmi.text import Text

PREFIX = {"chat": "chatcmpl", "prompt": "cmpl", "inputs": "cmpl"}
OBJECT = {"chat": "chat.completion", "prompt": "text_completion", "inputs": ""}


def json_line(value: Any) -> bytes:
    """JSON and a newline; half a character, which JSON can spell and UTF-8 cannot, becomes a question mark."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def error_line(code: int, why: str) -> bytes:
    return json_line({"code": code, "error": why})


class Writer:
    """Collects one answer's events, and says each as a line, or all as one body."""

    def __init__(self, request: GenerationRequest, text: Text, model: str) -> None:
        self._request, self._text = request, text
        self._about = {"id": f"{PREFIX[request.form]}-{uuid.uuid4().hex}", "created": int(time.time()), "model": model}
        self._texts: list[str] = []
        self._tokens: list[dict[str, Any]] = []
        self.count = 0
        self.end = Event()

    def add(self, event: Event) -> None:
        self._texts.append(event.text)
        self.count += 1
        if self._request.form == "inputs" and event.token is not None:
            self._tokens.append(self._token(event, self._text.bytes_of(event.token).decode("utf-8", "replace")))
        if event.last:
            self.end = event

    def whole(self) -> bytes:
        text, request = "".join(self._texts), self._request
        if request.form == "inputs":
            body: dict[str, Any] = {"generated_text": request.prefix + text}
            return json_line(body | {"details": self._details()} if request.details else body)
        how = {"finish_reason": self.end.reason, "stop_reason": self.end.stopped_by}
        chat = {"message": {"role": "assistant", "content": text}}
        choice = {"index": 0, **(chat if request.form == "chat" else {"text": text}), "logprobs": None, **how}
        return json_line(self._about | {"object": OBJECT[request.form], "choices": [choice], "usage": self._usage()})

    def opening(self) -> bytes:
        """The line before the first token: a chat's names the role."""
        return self._chunk(delta={"role": "assistant", "content": ""}) if self._request.form == "chat" else b""

    def piece(self, event: Event) -> bytes:
        """The line for one event, which has been added; none for a token that has no text yet."""
        if self._request.form == "inputs":
            return self._native_piece(event)
        if not event.text and not event.last:
            return b""
        if self._request.form == "prompt":
            return self._chunk(text=event.text, event=event)
        return self._chunk(delta={"content": event.text}, event=event)

    def closing(self) -> bytes:
        """The token counts, if they were asked for, and the empty line that stands for the end."""
        if self._request.form == "inputs":
            return b"\n\n"
        counts = {**self._about, "object": self._streamed(), "choices": [], "usage": self._usage()}
        return (json_line(counts) if self._request.include_usage else b"") + b"\n"

    def _chunk(self, event: Event | None = None, **content: Any) -> bytes:
        end = {"finish_reason": event.reason if event else None}
        if event and event.last:
            end["stop_reason"] = event.stopped_by
        choice = {"index": 0, **content, "logprobs": None, **end}
        return json_line({**self._about, "object": self._streamed(), "choices": [choice]})

    def _streamed(self) -> str:
        return "chat.completion.chunk" if self._request.form == "chat" else OBJECT[self._request.form]

    def _native_piece(self, event: Event) -> bytes:
        last = event.last
        details = {
            "finish_reason": event.reason,
            "seed": self._request.sampling.seed,
            "generated_tokens": self.count,
            "input_length": len(self._request.ids),
        }
        return json_line(
            {
                "index": 0,
                "token": self._token(event, event.text),
                "generated_text": self._request.prefix + "".join(self._texts) if last else None,
                "details": details if last and self._request.details else None,
            }
        )

    def _details(self) -> dict[str, Any]:
        """`finish_reason` holds the stop string or nothing, as in the image: a cut answer does not show it here."""
        return {
            "finish_reason": self.end.stopped_by,
            "generated_tokens": self.count,
            "seed": self._request.sampling.seed,
            "prefill": [],
            "tokens": self._tokens,
        }

    @staticmethod
    def _token(event: Event, text: str) -> dict[str, Any]:
        return {"id": event.token, "text": text, "logprob": event.log_probability}

    def _usage(self) -> dict[str, int]:
        prompt = len(self._request.ids)
        return {"prompt_tokens": prompt, "completion_tokens": self.count, "total_tokens": prompt + self.count}
