"""What an answer costs, in USD: by its tokens, or by its share of an instance's hour."""

from dataclasses import dataclass

MILLION = 1_000_000


@dataclass(frozen=True)
class Prices:
    """Prices in USD, per million tokens, per hour of an instance, or both; without any an answer has no cost."""

    prompt: float | None = None  # per million tokens
    completion: float | None = None
    instance_hour: float | None = None
    instances: int = 1

    def cost(self, prompt_tokens: int, completion_tokens: int, latency_ms: float, at_once: int) -> float | None:
        """The USD of one answer. Chats `at_once` in flight share the instances' time, each by how long it took."""
        if self.prompt is None and self.completion is None and self.instance_hour is None:
            return None
        tokens = (prompt_tokens * (self.prompt or 0.0) + completion_tokens * (self.completion or 0.0)) / MILLION
        hours = latency_ms / 3_600_000 / max(at_once, 1)
        return tokens + hours * (self.instance_hour or 0.0) * self.instances
