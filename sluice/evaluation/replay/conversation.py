"""One chat, turn after turn: what is sent, what comes back, and what it scores."""

import hashlib
import os
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sluice.chat_api import BadReply, chat_request
from sluice.errors import SluiceError
from sluice.evaluation import prompt, scorers
from sluice.evaluation.cases.case import Case, Turn
from sluice.evaluation.reasoning import without_reasoning
from sluice.evaluation.replay.failures import Refused, TargetDown
from sluice.evaluation.replay.plan import Plan
from sluice.evaluation.replay.request import Interrupted, Requester, RequestResult
from sluice.evaluation.replay.target import RagTarget, Target
from sluice.evaluation.results import Chat, TurnResult
from sluice.evaluation.scoring import Sample, Score, ScoringServices

GREETING = "Hello"
LONGEST_NAME = 60  # characters of a case's id that its user's name on the RAG server shows
UNUSUAL = re.compile(r"[^\w.-]+")


class ChatRunner:
    """Runs the chats of one replay. Setting `stopped` ends all that are under way."""

    def __init__(self, target: Target, plan: Plan, rag: RagTarget | None, services: ScoringServices, most: int) -> None:
        self.stopped = threading.Event()
        self._target = target
        self._plan = plan
        self._rag = rag
        self._services = services
        self._at_once = most
        self._requester = Requester(plan.requests_per_second, plan.retry_seconds, self.stopped)
        self._run = os.urandom(4).hex()  # so that no run finds another's history on the RAG server

    def chat(self, case: Case, repeat: int) -> Chat:
        """Replay one chat and score it. Raises TargetDown, or Interrupted between two turns or attempts."""
        turns: list[TurnResult] = []
        earlier: list[tuple[str, str]] = []
        for turn in case.turns:
            if self.stopped.is_set():
                raise Interrupted
            result = self._turn(case, turn, earlier, repeat)
            turns.append(result)
            written = turn.answer if case.goes_on_with == "written" else None
            earlier.append((turn.user, result.answer if written is None else written))
            if result.error:
                break
        whole = Chat(case, tuple(turns), repeat=repeat)
        if whole.error or not case.expect:
            return whole
        return replace(whole, scores=self._scores(case, chat_sample(whole), case.expect))

    def _turn(self, case: Case, turn: Turn, earlier: Sequence[tuple[str, str]], repeat: int) -> TurnResult:
        try:
            outcome = self._request_reply(case, turn, earlier, repeat)
        except (Refused, BadReply) as error:
            return TurnResult(turn, error=error.message)
        reply, latency = outcome.reply, outcome.latency_ms
        result = TurnResult(
            turn,
            answer=reply.text,
            latency_ms=latency,
            first_token_ms=reply.first_token_ms,
            finish_reason=reply.finish_reason,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
            tool_calls=reply.tool_calls,
            sources=reply.sources,
            passages=reply.passages,
            attempts=outcome.attempts,
            cost=self._plan.prices.cost(reply.prompt_tokens, reply.completion_tokens, latency, self._at_once),
        )
        sample = turn_sample(result, tuple(earlier))
        return replace(result, scores=self._scores(case, sample, turn.expect))

    def _scores(self, case: Case, sample: Sample, expect: Mapping[str, Any]) -> tuple[Score, ...]:
        try:
            return scorers.score(sample, expect, self._services)
        except SluiceError as error:  # a judge model that is down says nothing about the answer either
            raise TargetDown(f"An answer in {case.id} could not be scored: {error.message}", error.hint) from None

    def _request_reply(self, case: Case, turn: Turn, earlier: Sequence[tuple[str, str]], repeat: int) -> RequestResult:
        most, rag = self._plan.max_tokens, self._rag
        if case.through == "rag":
            assert rag is not None, "CaseRequirements.check has seen to it"
            user = self._user(case, repeat)
            greet = f"replay-{self._run}-greeting"
            # the server writes a turn down, so it is not sent twice
            return self._requester.request(lambda: rag(user, turn.user, most), lambda: rag(greet, GREETING, 1), False)
        messages = prompt.build_messages(turn.user, turn.passages, earlier, case.system)
        seed = None if self._plan.seed is None else derive_seed(self._plan.seed, case.id, repeat)
        request = chat_request(messages, most, self._plan.temperature, seed=seed, tools=case.tools)
        greeting = chat_request([{"role": "user", "content": GREETING}], 1)
        return self._requester.request(lambda: self._target(request), lambda: self._target(greeting))

    def _user(self, case: Case, repeat: int) -> str:
        """Whose chat it is on the RAG server: the case's own, or shared with those that name the same user."""
        text, kind = (case.id, "case") if case.user is None else (case.user, "user")
        own = hashlib.sha256(text.encode()).hexdigest()[:8]  # names that look alike when shortened are still two
        return f"replay-{self._run}-{kind}-{UNUSUAL.sub('_', text)[:LONGEST_NAME]}-{own}-{repeat}"


def derive_seed(seed: int, case: str, repeat: int) -> int:
    """A seed for one repeat of a case: the same in every replay, whatever else is replayed beside it."""
    text = f"{seed}:{repeat}:{case}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1  # what fits a signed 32-bit number


def turn_sample(result: TurnResult, earlier: tuple[tuple[str, str], ...]) -> Sample:
    return Sample(
        answer=result.answer,
        question=result.turn.user,
        passages=result.passages or result.turn.passages,
        earlier=earlier,
        sources=result.sources,
        tool_calls=result.tool_calls,
        finish_reason=result.finish_reason,
        completion_tokens=result.completion_tokens,
        latency_ms=result.latency_ms,
        first_token_ms=result.first_token_ms,
    )


def chat_sample(chat: Chat) -> Sample:
    """A whole chat as one sample: its answers and questions one a line, its figures added up."""
    turns = chat.turns
    return Sample(
        answer="\n".join(without_reasoning(turn.answer) for turn in turns),  # a mark may not reach into another turn
        question="\n".join(turn.turn.user for turn in turns),
        passages=tuple(passage for turn in turns for passage in turn.passages or turn.turn.passages),
        sources=tuple(source for turn in turns for source in turn.sources),
        tool_calls=tuple(call for turn in turns for call in turn.tool_calls),
        finish_reason=turns[-1].finish_reason if turns else None,
        completion_tokens=sum(turn.completion_tokens for turn in turns),
        latency_ms=sum(turn.latency_ms for turn in turns),
        first_token_ms=turns[0].first_token_ms if turns else None,
    )
