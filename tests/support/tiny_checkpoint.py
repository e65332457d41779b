"""A shipped checkpoint without a server: it answers chat requests as the container does."""

from pathlib import Path

from sluice import tinylmi
from sluice.chat_api import Reply
from sluice.tinylmi.engine import Qwen3
from sluice.tinylmi.text import Text

CHECKPOINTS = Path(tinylmi.__file__).parent / "checkpoints"


class Checkpoint:
    """The folder's own template and weights, greedily."""

    def __init__(self, name):
        self.folder = CHECKPOINTS / name
        self.model, self.text = Qwen3.load(self.folder), Text(self.folder)

    def __call__(self, request):
        ids, answer = self.text.chat(request["messages"]), []
        cache = self.model.cache(len(ids) + request["max_tokens"])
        logits = self.model.read(ids, cache)
        while (token := int(logits.argmax())) not in (0, 2) and len(answer) < request["max_tokens"]:
            answer.append(token)
            logits = self.model.step([token], [cache])[0]
        said = b"".join(self.text.bytes_of(token) for token in answer).decode(errors="replace")
        reason = "length" if len(answer) == request["max_tokens"] else "stop"
        return Reply(said, reason, len(ids), len(answer))
