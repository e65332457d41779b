"""Chat cases that cannot be asked, cannot pass, cannot fail, or are too few to decide anything."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sluice.evaluation import prompt
from sluice.evaluation.cases.case import Case
from sluice.evaluation.scorers.text import folded
from sluice.lmi import options
from sluice.preflight.cases import expectations, power, tokens
from sluice.preflight.cases.tokens import Count
from sluice.preflight.deployment_spec import DeploymentSpec, EvaluationSpec
from sluice.preflight.finding import Finding, Location, Rule, Severity

EVL001 = Rule(
    "EVL001",
    "A case that does not fit the context",
    "error",
    "verified",
    "https://github.com/vllm-project/vllm/issues/20409",
    "A request fits if its prompt and the longest answer that it asks for are within `max_model_len`; vLLM refuses "
    "it otherwise, and the case fails whatever the model is like. The prompt is counted as it is sent: the system "
    "text, the last three turns with their answers, the passages in their frame, the question. It is counted with "
    "the model's own `tokenizer.json` where that is at hand; without it only what cannot fit by any tokenizer is "
    "told. A warning: it fits while the earlier answers are short, and not if they are as long as they may be.",
    bad="evaluation.max_tokens: 4096",
    good="evaluation.max_tokens: 128",
)
EVL002 = Rule(
    "EVL002",
    "The same case twice",
    "warning",
    "verified",
    "sluice/evaluation/cases/case.py",
    "Two cases with one id cannot be told apart in a report, and a file with them is refused. The same chat under "
    "two ids counts twice: a model that fails it fails two of the gate's cases for one reason, and there are fewer "
    "cases than it seems. Remove one, or ask it in other words.\n\n```yaml\ncases:\n  - id: payday\n    turns: "
    "[{user: When is payday?, expect: {contains: 25th}}]\n  - id: payday-again\n    turns: "
    "[{user: When is payday?, expect: {contains: 25th}}]\n```",
    bad="",
    good="",
)
EVL003 = Rule(
    "EVL003",
    "An expectation that no answer meets",
    "warning",
    "verified",
    "docs/cases.md",
    "All expectations of a turn must hold at once. What is forbidden may be a part of what is wanted (`15 days` "
    "holds `5 days`), a pattern may ask for a line break although answers are compared in one line, a text may be "
    "longer than an answer is allowed to be. The case then fails with every model. It is an error if the gate cannot "
    "be passed because of such cases, a note if an answer could hold it but hardly will: curly quotes, full-width "
    "digits.\n\n```yaml\ncases:\n  - id: leave\n    turns:\n      - user: How many days of leave are there?\n        "
    "expect: {contains: 15 days, not_contains: 5 days}   # forbid 25 days, or leave it out\n```",
    bad="",
    good="",
)
EVL004 = Rule(
    "EVL004",
    "A gate that no model can fail",
    "warning",
    "verified",
    "sluice/evaluation/verdict.py",
    "A pass rate of 0 is reached by a model that gets everything wrong. A case whose expectations every answer meets "
    "(`matches: .*`) passes with every model, and raises the rate of those that get the others wrong. Expect something "
    "that only a right answer holds.",
    bad="evaluation.gate.min_pass_rate: 0.0",
    good="evaluation.gate.min_pass_rate: 0.9",
)
EVL005 = Rule(
    "EVL005",
    "Too few cases to tell a regression from luck",
    "note",
    "verified",
    "sluice/preflight/cases/power.py",
    "Whether a version passes is partly luck: it may answer a case rightly today and wrongly in other words. Take "
    "the gate as a test. The true pass rate that is let through 95 times in 100 and the one that is stopped 80 times "
    "in 100 lie apart by the smallest regression that so many cases show; it is exact binomial arithmetic, each case "
    "counted as independent. With 10 cases and a gate of 0.9 that is 23 points, with 46 cases 10, with 198 cases 5. "
    "Told as a note above 10 points, as a warning above 20. Few cases also have few rates: 0.97 of 10 cases is all "
    "10.",
    bad="",
    good="",
)
EVL006 = Rule(
    "EVL006",
    "Asked about what is no longer sent",
    "note",
    "inferred",
    "sluice/evaluation/prompt.py",
    "The model is shown the last three turns. What the user said before is not sent any more, and an expectation that "
    "rests on it holds only if an answer in between has repeated it.",
    bad="",
    good="",
)
RULES: tuple[Rule, ...] = (EVL001, EVL002, EVL003, EVL004, EVL005, EVL006)

MOST_TOLD = 5  # findings of one kind; more are told together
FRAME_TOKENS = 5  # about what a chat template puts around one message
NOTED_DROP, WARNED_DROP = 0.10, 0.20


@dataclass(frozen=True)
class Request:
    """One turn as it is asked: what is surely sent, and how many earlier answers go with it."""

    number: int
    texts: tuple[str, ...]
    answers: int

    def surely(self, count: Count) -> int:
        return sum(count(text) for text in self.texts)

    def at_most(self, count: Count, max_tokens: int) -> int:
        messages = len(self.texts) + self.answers + 1
        return self.surely(count) + self.answers * max_tokens + FRAME_TOKENS * messages


def check_context_fit(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields EVL001: a case that does not fit the context."""
    judging, limit = setup.judging, _context(setup)
    if judging is None or limit is None:
        return
    if judging.max_tokens >= limit:
        message = (
            f"Answers of up to {judging.max_tokens:,} tokens are asked for, and question and answer together have "
            f"{limit:,}: vLLM refuses every request, and no case is answered."
        )
        yield EVL001.at(setup.at("max_tokens"), message, f"max_tokens: {max(1, min(1024, limit // 4))}")
        return
    yield from _report_together(EVL001, _not_fitting(setup, judging, limit))


def check_duplicates(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields EVL002: the same case twice."""
    if setup.judging is None:
        return
    first_ids: dict[str, Case] = {}
    first_chats: dict[object, Case] = {}
    for case in setup.judging.cases:
        chat = (case.system, repr(case.expect), tuple((t.user, t.passages, repr(t.expect)) for t in case.turns))
        namesake, same = first_ids.setdefault(case.id, case), first_chats.setdefault(chat, case)
        if namesake is not case:
            message = (
                f"{case.id!r} is already the id of {namesake.place or 'another case'}: reports cannot tell them apart."
            )
            yield EVL002.at(_place(case, "id"), message, severity="error")
        elif same is not case:
            message = f"Case {case.id} is the same chat as {same.id}: it counts twice in the gate."
            yield EVL002.at(_place(case), message)


def check_expectations_can_hold(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields EVL003: an expectation that no answer meets."""
    judging = _judging(setup)
    if judging is None:
        return
    count, cases = _lazy(judging), judging.cases
    broken = {index: problem for index, case in enumerate(cases) if (problem := _impossible(case, judging, count))}
    needed = power.needed(len(cases), judging.min_pass_rate)
    closed = len(cases) - sum(problem.certain for _, problem in broken.values()) < needed
    for index, case in enumerate(cases):
        if index in broken:
            yield _unmet(case, *broken[index], f"{needed} of {len(cases)} cases" if closed else "")
        else:
            yield from _traps(case)


def check_gate_can_fail(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields EVL004: a gate that no model can fail."""
    judging = _judging(setup)
    if judging is None:
        return
    needed = power.needed(len(judging.cases), judging.min_pass_rate)
    unfailing = [(case, met) for case in judging.cases if (met := _unfailing(case)) is not None]
    if needed == 0:
        message = (
            f"A pass rate of {judging.min_pass_rate:g} is reached without a single case: every model passes the gate."
        )
        yield EVL004.at(setup.at("gate"), message, "min_pass_rate: 0.9")
    elif len(unfailing) >= needed:
        message = (
            f"{len(unfailing)} of {len(judging.cases)} cases pass with every model, and {needed} are enough: no model "
            f"can fail the gate. One of them is {unfailing[0][0].id}."
        )
        yield EVL004.at(setup.at("gate"), message)
    else:
        yield from _report_together(EVL004, (_passes_anyway(case, met) for case, met in unfailing))
    if 0 < needed < len(judging.cases) / 2:
        message = (
            f"{needed} of {len(judging.cases)} cases are enough: a model that gets most of them wrong passes the gate."
        )
        yield EVL004.at(setup.at("gate"), message, severity="note")
    for case in judging.cases:
        yield from _says_nothing(case)


def check_case_count(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields EVL005: too few cases to tell a regression from luck."""
    judging = _judging(setup)
    if judging is None or judging.min_pass_rate == 0:
        return
    count, rate = len(judging.cases), judging.min_pass_rate
    needed, drop = power.needed(count, rate), power.regression(count, rate)
    rounded = needed == count and rate < 1
    if drop <= NOTED_DROP and not rounded:
        return
    message = (
        f"With {_cases(count)} and a gate of {rate:g} ({needed} must pass), a version whose true pass rate is "
        f"{power.sound(count, rate):.0%} passes 95 times in 100, and only one that has fallen to "
        f"{power.spoiled(count, rate):.0%} is stopped 80 times in 100: smaller regressions than {100 * drop:.0f} "
        "points are luck."
    )
    if rounded:
        message = f"A gate of {rate:g} cannot be told from 1 by {_cases(count)}: all must pass. {message}"
    if drop > NOTED_DROP:
        message += f" A drop of 10 points takes about {power.cases_for(0.10, rate)} cases, one of 5 about "
        message += f"{power.cases_for(0.05, rate)}."
    yield EVL005.at(setup.at("judging"), message, severity="warning" if drop > WARNED_DROP else "note")


def check_forgotten_turns(setup: DeploymentSpec) -> Iterator[Finding]:
    """Yields EVL006: asked about what is no longer sent."""
    for case in setup.judging.cases if setup.judging else ():
        for number, turn in enumerate(case.turns):
            words = expectations.wordings(turn.expect)
            expected = {folded(text) for name in (*expectations.ALL, "equals") for text in words.get(name, ())}
            gone = " ".join(folded(each.user) for each in case.turns[: max(0, number - prompt.TURNS)])
            sent = [folded(each.user) for each in case.turns[max(0, number - prompt.TURNS) : number + 1]]
            sent += [folded(text) for text in (*turn.passages, case.system or "")]
            lost = next(
                (text for text in expected if text and text in gone and not any(text in each for each in sent)), None
            )
            if lost:
                message = (
                    f"Turn {number + 1} expects {lost!r}, which the user said more than {prompt.TURNS} turns before: "
                    "it is not sent any more. Ask within three turns, or let an answer in between repeat it."
                )
                yield EVL006.at(_place(case, f"turns[{number}].expect"), message)


CHECKS: tuple[Callable[[DeploymentSpec], Iterator[Finding]], ...] = (
    check_context_fit,
    check_duplicates,
    check_expectations_can_hold,
    check_gate_can_fail,
    check_case_count,
    check_forgotten_turns,
)


def _judging(setup: DeploymentSpec) -> EvaluationSpec | None:
    """With at least one case and a rate that is one."""
    judging = setup.judging
    return judging if judging and judging.cases and 0 <= judging.min_pass_rate <= 1 else None


# --- the context -------------------------------------------------------------------------------------------------


def _context(setup: DeploymentSpec) -> int | None:
    """The tokens of question and answer together, as the container has them; None if that is not known."""
    limit, own = setup.option("max_model_len"), setup.model.max_positions if setup.model else None
    if limit is None:
        return own or None
    try:
        return options.parse_length(limit.value, setup.release or options.ASYNC_FROM) or own or None
    except (ValueError, OverflowError):
        return None


def _requests(case: Case) -> Iterator[Request]:
    for index, turn in enumerate(case.turns):
        earlier = [(each.user, "") for each in case.turns[:index]]
        sent = prompt.build_messages(turn.user, turn.passages, earlier, case.system)
        texts = tuple(each["content"] for each in sent if each["role"] != "assistant")
        yield Request(index + 1, texts, len(sent) - len(texts))


def _not_fitting(setup: DeploymentSpec, judging: EvaluationSpec, limit: int) -> Iterator[Finding]:
    room = limit - judging.max_tokens
    doubtful = [
        (case, request)
        for case in judging.cases
        for request in _requests(case)
        if request.at_most(tokens.most, judging.max_tokens) > room
    ]
    count = tokens.counter(judging.tokenizer) if doubtful else None
    reported: set[str] = set()
    for case, request in doubtful:
        finding = None if case.id in reported else _misfit(setup, case, request, count, room)
        if finding:
            reported.add(case.id)
            yield finding


def _misfit(setup: DeploymentSpec, case: Case, request: Request, count: Count | None, room: int) -> Finding | None:
    """The first turn of a case that does not fit, or may not."""
    assert setup.judging is not None
    longest = setup.judging.max_tokens
    limit, place = room + longest, _place(case, f"turns[{request.number - 1}]")
    surely = request.surely(count or tokens.least)
    if surely > room:
        message = (
            f"Turn {request.number} of case {case.id} sends {surely:,} tokens or more and asks for {longest:,}; the "
            f"context has {limit:,}. vLLM refuses the request, and the case fails with every model."
        )
        severity: Severity = "error" if count else "warning"
        return EVL001.at(place, message, _larger(setup, surely + longest), severity=severity)
    if count and request.at_most(count, longest) > room:
        most = request.at_most(count, longest)
        message = (
            f"Turn {request.number} of case {case.id} sends {surely:,} tokens and {request.answers} earlier answers "
            f"of up to {longest:,}, and asks for {longest:,} more; the context has {limit:,}. If the answers are "
            "long, the request is refused."
        )
        return EVL001.at(place, message, _larger(setup, most + longest), severity="warning", confidence="inferred")
    return None


def _larger(setup: DeploymentSpec, length: int) -> str:
    """The option that makes room, if the model has so much."""
    rounded = -(-length // 1024) * 1024
    has = setup.model.max_positions if setup.model else rounded
    return setup.line("max_model_len", rounded) if rounded <= has else ""


# --- expectations ------------------------------------------------------------------------------------------------


def _lazy(judging: EvaluationSpec) -> Count:
    """The model's own count, loaded when the first text is long enough to need it."""
    loaded: list[Count] = []

    def count(text: str) -> int:
        if not loaded:
            loaded.append(tokens.counter(judging.tokenizer) or tokens.least)
        return loaded[0](text)

    return count


def _impossible(case: Case, judging: EvaluationSpec, count: Count) -> tuple[int, expectations.Problem] | None:
    """The first expectation of a case that no answer meets, what is certain before what is not."""
    problems = [
        (number, problem)
        for number, turn in enumerate(case.turns, 1)
        for problem in expectations.impossible(expectations.wordings(turn.expect), judging.max_tokens, count)
    ]
    return min(problems, key=lambda each: not each[1].certain, default=None)


def _unmet(case: Case, number: int, problem: expectations.Problem, needed: str) -> Finding:
    """A case that fails with every model; `needed`: what the gate asks for, if such cases keep it closed."""
    place = _place(case, f"turns[{number - 1}].expect.{problem.name}")
    message = f"Turn {number} expects {problem.what}. No answer meets that: case {case.id} fails with every model."
    if not problem.certain:
        return EVL003.at(place, message, confidence="inferred")
    if not needed:
        return EVL003.at(place, message)
    return EVL003.at(place, f"{message} The gate stays closed, as {needed} must pass.", severity="error")


def _traps(case: Case) -> Iterator[Finding]:
    for number, turn in enumerate(case.turns, 1):
        for trap in expectations.traps(expectations.wordings(turn.expect)):
            place = _place(case, f"turns[{number - 1}].expect.{trap.name}")
            severity: Severity = "warning" if trap.certain else "note"
            yield EVL003.at(place, f"Case {case.id}: {trap.what}.", severity=severity, confidence="inferred")


def _unfailing(case: Case) -> str | None:
    """Which answers let the case pass, if it is every one."""
    expectations_of_case = [each for each in (case.expect, *(turn.expect for turn in case.turns)) if each]
    if any(
        set(each) - set(expectations.SHORT) or len(expectations.wordings(each)) < len(each)
        for each in expectations_of_case
    ):
        return None  # of other kinds it is not known here
    met = [expectations.unfailing(expectations.wordings(each)) for each in expectations_of_case]
    return max((each for each in met if each), key=len, default="") if None not in met else None


def _passes_anyway(case: Case, met: str) -> Finding:
    why = f"{met[0].upper()}{met[1:]} meets what it expects" if met else "No turn says what it expects"
    return EVL004.at(_place(case), f"{why}: case {case.id} passes with every model.")


def _says_nothing(case: Case) -> Iterator[Finding]:
    if _unfailing(case) is not None:
        return
    for number, turn in enumerate(case.turns, 1):
        for name, met in expectations.vacuous(expectations.wordings(turn.expect)):
            message = f"{met[0].upper()}{met[1:]} meets {name.replace('_', ' ')} in turn {number} of case {case.id}."
            yield EVL004.at(_place(case, f"turns[{number - 1}].expect.{name}"), message, severity="note")


# --- telling -----------------------------------------------------------------------------------------------------


def _place(case: Case, key: str = "") -> Location:
    file, colon, where = case.place.rpartition(": ")
    at = where if colon else case.place or f"case {case.id}"
    return Location(f"{at}.{key}" if key else at, file or None)


def _report_together(rule: Rule, findings: Iterator[Finding]) -> Iterator[Finding]:
    """One by one if they are few; else the worst kind, and how many more."""
    every = list(findings)
    if len(every) <= MOST_TOLD:
        yield from every
        return
    for severity in ("error", "warning", "note"):
        same = [each for each in every if each.severity == severity]
        if same:
            more = f" The same goes for {len(same) - 1} more." if len(same) > 1 else ""
            fix = max((each.fix for each in same), key=lambda fix: (len(fix), fix))
            yield rule.at(
                same[0].place, same[0].message + more, fix, severity=same[0].severity, confidence=same[0].confidence
            )


def _cases(count: int) -> str:
    return "1 case" if count == 1 else f"{count} cases"
