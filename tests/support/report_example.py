"""Reports as plain values, as they are read from report.json: one failed, one passed; and what they are made of."""

from typing import Any

Json = dict[str, Any]


def score(name: str, passed: bool, why: str, value: float | None = None) -> Json:
    return {"name": name, "passed": passed, "why": why, "value": value}


def turn(user: str, answer: str, *scores: Json, expected: str = "", ms: float = 900.0, **more: Any) -> Json:
    error = more.get("error")
    told: Json = {
        "user": user,
        "passages": [],
        "expected": expected,
        "answer": answer,
        "passed": error is None and all(each["passed"] for each in scores),
        "scores": list(scores),
        "latency_ms": ms,
        "first_token_ms": None if error else round(ms * 0.18, 1),
        "finish_reason": None if error else "stop",
        "prompt_tokens": 0 if error else 140,
        "completion_tokens": 0 if error else max(4, len(answer) // 3),
        "tool_calls": [],
        "sources": [],
        "attempts": 1,
        "error": None,
    }
    return told | more


def chat(*turns: Json, repeat: int = 0, scores: tuple[Json, ...] = ()) -> Json:
    passed = all(each["passed"] for each in (*turns, *scores))
    return {"repeat": repeat, "passed": passed, "scores": list(scores), "turns": list(turns)}


def case(name: str, *chats: Json, tags: tuple[str, ...] = (), **more: Any) -> Json:
    held = sum(each["passed"] for each in chats)
    error = next((each["turns"][-1]["error"] for each in chats if each["turns"] and each["turns"][-1]["error"]), None)
    told: Json = {
        "id": name,
        "tags": list(tags),
        "weight": 1.0,
        "critical": False,
        "passed": held == len(chats),
        "rate": round(held / len(chats), 4),
        "flaky": 0 < held < len(chats),
        "error": error,
        "expected": "",
        "chats": list(chats),
    }
    return told | more


def percentiles(values: list[float]) -> Json:
    ordered = sorted(values)
    if not ordered:
        return {"p50": None, "p95": None, "p99": None, "max": None}
    return {f"p{share}": ordered[-(-len(ordered) * share // 100) - 1] for share in (50, 95, 99)} | {"max": ordered[-1]}


def totals(cases: list[Json]) -> Json:
    turns = [told for each in cases for one in each["chats"] for told in one["turns"]]
    answered = [told for told in turns if told["error"] is None]
    passed, errors = sum(each["passed"] for each in cases), sum(each["error"] is not None for each in cases)
    written = sum(told["completion_tokens"] for told in turns)
    return {
        "cases": len(cases),
        "passed": passed,
        "failed": len(cases) - passed - errors,
        "errors": errors,
        "flaky": sum(each["flaky"] for each in cases),
        "turns": len(turns),
        "pass_rate": round(sum(each["rate"] for each in cases) / len(cases), 4) if cases else 0.0,
        "latency_ms": percentiles([told["latency_ms"] for told in answered]),
        "first_token_ms": percentiles([told["first_token_ms"] for told in answered if told["first_token_ms"]]),
        "tokens": {"prompt": sum(told["prompt_tokens"] for told in turns), "completion": written},
        "tokens_per_second": 41.7,
    }


def report(cases: list[Json], **more: Any) -> Json:
    """A report with these cases; whatever else it says is given by name."""
    tags = sorted({tag for each in cases for tag in each["tags"]})
    told: Json = {
        "schema_version": 2,
        "verdict": "pass",
        "summary": "Every case passed.",
        "reasons": [],
        "decided": [],
        "gate": {"min_pass_rate": 0.9},
        "subject": {},
        "environment": {},
        "hashes": {},
        "plan": {},
        "started": "2026-11-20T12:00:00+00:00",
        "seconds": 61.2,
        "totals": totals(cases),
        "tags": {tag: totals([each for each in cases if tag in each["tags"]]) for tag in tags},
        "cases": cases,
        "comparison": None,
        "warnings": [],
        "mlflow": None,
    }
    return told | more


QUESTIONS = [
    (
        "payday",
        "On which day are salaries paid out?",
        "Salaries are paid on the 25th of each month.",
        "contains '25th'",
        "english",
    ),
    ("laptop", "회사 노트북은 몇 년 쓰고 교체해요?", "노트북은 3년마다 교체합니다.", "contains '3년'", "korean"),
    (
        "hotel",
        "What is the limit per night for a hotel?",
        "The limit is 150,000 won per night.",
        "contains '150,000'",
        "english",
    ),
    (
        "parking",
        "별관 주차장 이용 요금은 얼마죠?",
        "별관 주차장 요금은 한 달에 30,000원입니다.",
        "contains '30,000원'",
        "korean",
    ),
    ("library", "How early does the library open?", "It opens at 8:30 a.m. on weekdays.", "contains '8:30'", "english"),
]


def passing(count: int, tag: str = "facts") -> list[Json]:
    """Cases that passed; times and lengths spread as real ones do, and are the same in every run."""
    cases = []
    for number in range(count):
        name, user, answer, expected, tongue = QUESTIONS[number % len(QUESTIONS)]
        ms = round(420 + 37 * (number * number % 29) + (1900 if number % 17 == 16 else 0), 1)
        words = answer + " The handbook says so on page 12, and the team lead can tell more." * (number * 5 % 4)
        told = turn(user, words, score("contains", True, f"found {expected[9:]}"), expected=expected, ms=ms)
        cases.append(case(f"{name}-{number + 1}", chat(told), tags=(tag, tongue)))
    return cases


def remembered(tongue: str) -> Json:
    """The champion kept a name over four turns; this one did not."""
    asked = [
        turn("반갑습니다. 제 이름은 정우예요.", "안녕하세요, 정우 님. 무엇을 도와드릴까요?", ms=610.0),
        turn(
            "결혼 휴가가 며칠이나 되나요?",
            "결혼 휴가는 5일입니다. 신청은 인사팀에 하시면 됩니다.",
            score("contains", True, "found '5일'"),
            expected="contains '5일'",
            ms=840.0,
        ),
        turn(
            "제 이름이 뭐였죠?",
            "죄송하지만 이전 대화에서 이름을 말씀하지 않으셨습니다. 성함을 알려 주시면 기억하겠습니다.",
            score(
                "contains",
                False,
                "looked for '정우', the answer says '죄송하지만 이전 대화에서 이름을 말씀하지 않으셨습니다.'",
            ),
            score("language", True, "the answer is in Korean"),
            expected="contains '정우'; in Korean",
            ms=1320.0,
        ),
    ]
    return case("name-after-two-turns-ko", chat(*asked), tags=("follow-up", tongue), critical=True)


def lost_in_english() -> Json:
    passages = [
        "Every employee receives 22 days of annual leave a year. Leave is entered in the calendar.",
        "The lunch allowance is 12,000 won per day. It is paid with the salary.",
    ]
    told = turn(
        "How many days of annual leave are there in a year, and where do I enter them?",
        "You get 15 days of annual leave a year, and you enter them in the calendar before the end of the month.",
        score(
            "contains",
            False,
            "looked for '22 days', the answer says 'You get 15 days of annual leave a year, and you ...'",
        ),
        score("not_contains", False, "the answer must not say '15 days', and it does"),
        expected="contains '22 days'; not contains '15 days'",
        ms=1180.0,
        passages=passages,
    )
    return case("changed-leave-en", chat(told), tags=("passages", "english"))


def gained() -> Json:
    told = turn(
        "수영장 문은 몇 시부터 열려요?",
        "제공된 자료에서 수영장 운영 시간에 대한 내용을 찾을 수 없습니다.",
        score("contains", True, "found '찾을 수 없습니다'"),
        expected="contains '찾을 수 없습니다'",
        ms=760.0,
    )
    return case("unknown-pool-ko", chat(told), tags=("no-answer", "korean"))


def failed() -> list[Json]:
    rubric = turn(
        "Explain to a new colleague how expense reports are handed in.",
        "Expense reports are due on the 12th.\n\n1. Collect the receipts.\n2. Fill in the form.\n3. Have it signed.",
        score("judge", False, "1 of 3 votes: the answer does not say where the form is handed in", 0.33),
        score("max_tokens", True, "42 of at most 120 tokens", 42.0),
        expected="judged: names the deadline, the form and the place; at most 120 tokens",
        ms=2890.0,
    )
    refused = turn(
        "Summarise all documents about parental leave.",
        "",
        expected="contains '10 days'",
        ms=12.0,
        error="HTTP 424: the prompt of 5,121 tokens is longer than the model's 4,096",
    )
    number = turn(
        "점심 식대는 한 달에 모두 얼마인가요? 20일을 일했습니다.",
        "하루 12,000원씩 20일이면 모두 24,000원입니다.",
        score("number", False, "looked for 240000 (± 0), the answer says 12000, 20 and 24000", 24000.0),
        expected="the number 240000",
        ms=990.0,
    )
    return [
        case("expense-report-en", chat(rubric), tags=("format", "english")),
        case("parental-leave-en", chat(refused), tags=("passages", "english")),
        case("lunch-sum-ko", chat(number), tags=("facts", "korean")),
    ]


def wavering() -> Json:
    def once(repeat: int, answer: str, held: bool) -> Json:
        why = "found '10일'" if held else f"looked for '10일', the answer says {answer!r}"
        told = turn(
            "유급 병가는 며칠까지 되나요?",
            answer,
            score("contains", held, why),
            expected="contains '10일'",
            ms=700.0 + repeat,
        )
        return chat(told, repeat=repeat)

    chats = (
        once(0, "유급 병가는 1년에 10일입니다.", True),
        once(1, "병가는 최대 열흘입니다.", False),
        once(2, "10일입니다.", True),
    )
    return case("sick-leave-ko", *chats, tags=("facts", "korean"))


ENVIRONMENT = {
    "HF_MODEL_ID": "/opt/ml/model",
    "OPTION_MAX_MODEL_LEN": "4096",
    "OPTION_MAX_ROLLING_BATCH_SIZE": "16",
    "OPTION_DTYPE": "bf16",
    "OPTION_QUANTIZE": "fp8",
    "TENSOR_PARALLEL_DEGREE": "1",
}
CHAMPIONS = {name: value for name, value in ENVIRONMENT.items() if name != "OPTION_QUANTIZE"} | {
    "OPTION_MAX_MODEL_LEN": "8192",
    "OPTION_ENABLE_PREFIX_CACHING": "true",
}
GROUP = "arn:aws:sagemaker:us-east-1:123456789012:model-package/qwen3-4b-chat"


CRITICAL = "name-after-two-turns-ko"
PASS_RATE = "42 of 48 cases passed, 88.8 % by weight and repeats, but the gate wants 90 %."
UNKNOWN = (
    "Not known whether it is worse than the champion by more than 5 points: about 310 more cases would tell."
    " -2.1 points over 48 cases (-9.4 to +4.2)."
)


def criterion(what: str, of: str, value: float | None, wanted: str, verdict: str, why: str) -> Json:
    return {"what": what, "of": of, "value": value, "wanted": wanted, "verdict": verdict, "why": why}


def comparison(**more: Any) -> Json:
    told: Json = {
        "champion": {
            "model_package": f"{GROUP}/6",
            "version": "6",
            "environment": CHAMPIONS,
            "report": "s3://sluice-123456789012-us-east-1/reports/6/report.json",
            "image": "763104351884.dkr.ecr.us-east-1.amazonaws.com/djl-inference:0.34.0-lmi16.0.0-cu128",
            "endpoint": "qwen3-4b-chat-v6",
            "mlflow_run": "r6",
        },
        "replayed": False,
        "pairs": 48,
        "both_passed": 41,
        "both_failed": 3,
        "gained": ["unknown-pool-ko"],
        "lost": ["name-after-two-turns-ko", "changed-leave-en"],
        "difference": {"estimate": -0.0208, "low": -0.0938, "high": 0.0417, "confidence": 0.95},
        "margin": 0.05,
        "mcnemar_p": 1.0,
        "verdict": "inconclusive",
        "why": UNKNOWN,
        "cases_needed": 310,
        "repeats_needed": None,
        "flaky": ["sick-leave-ko"],
        "worse": 3,
        "better": 1,
        "decided": [],
        "tags": [
            {"tag": "korean", "pairs": 21, "difference": 0.0, "low": -0.12, "high": 0.12, "p": 1.0, "p_corrected": 1.0},
            {
                "tag": "follow-up",
                "pairs": 9,
                "difference": -0.111,
                "low": -0.33,
                "high": 0.0,
                "p": 0.5,
                "p_corrected": 1.0,
            },
        ],
        "latency": {
            "p50_ratio": {"estimate": 0.91, "low": 0.86, "high": 0.97},
            "p95_ratio": {"estimate": 1.04, "low": 0.88, "high": 1.31},
        },
        "answers": {
            "name-after-two-turns-ko": [
                "안녕하세요, 정우 님. 무엇을 도와드릴까요?",
                "결혼 휴가는 5일입니다. 신청은 인사팀에 하시면 됩니다.",
                "이전 대화에서 이름을 정우라고 말씀하셨습니다.",
            ],
            "changed-leave-en": ["You get 22 days of annual leave a year, and you enter them in the calendar."],
            "unknown-pool-ko": ["수영장 운영 시간은 오전 6시부터입니다."],
        },
    }
    return told | more


def example() -> Json:
    """A release that does not pass: two cases lost, one gained, three failed, one flaky."""
    cases = [*passing(40), remembered("korean"), lost_in_english(), gained(), *failed(), wavering()]
    cases += [
        case(
            "office-hours-en",
            chat(
                turn(
                    "When is the office open?",
                    "From 10:00 to 16:00.",
                    score("contains", True, "found '10:00'"),
                    ms=530.0,
                )
            ),
            tags=("facts", "english"),
        )
    ]
    return report(
        cases,
        verdict="fail",
        summary=f"The critical case {CRITICAL} failed. {PASS_RATE}",
        reasons=[
            "name-after-two-turns-ko, turn 3: looked for '정우'",
            "changed-leave-en, turn 1: looked for '22 days'",
        ],
        decided=[
            criterion("pass rate", "all", 0.8888, "at least 90 %", "fail", PASS_RATE),
            criterion("critical cases", "all", 1, "none fails", "fail", f"The critical case {CRITICAL} failed."),
            criterion(
                "latency p95",
                "all",
                2890.0,
                "at most 3000 ms",
                "pass",
                "Latency p95: 2890 ms, at most 3000 ms is wanted.",
            ),
            criterion(
                "pass rate",
                "korean",
                0.8833,
                "at least 85 %",
                "pass",
                "Tag 'korean': 17 of 20 cases passed, 88.3 % by weight and repeats, the gate wants 85 %.",
            ),
            criterion(
                "against the champion", "all", -0.0208, "not worse by more than 5 points", "inconclusive", UNKNOWN
            ),
        ],
        gate={
            "min_pass_rate": 0.9,
            "overall": {"max_p95_ms": 3000.0, "max_first_token_ms": None},
            "tags": {"korean": {"min_pass_rate": 0.85}},
        },
        subject={
            "model_package": f"{GROUP}/7",
            "group": "qwen3-4b-chat",
            "version": "7",
            "image": "763104351884.dkr.ecr.us-east-1.amazonaws.com/djl-inference:0.35.0-lmi17.0.0-cu128",
            "model": "s3://sluice-123456789012-us-east-1/models/0a1b/",
            "execution": "arn:aws:sagemaker:us-east-1:123456789012:pipeline/qwen3-4b-chat-release/execution/abc123",
        },
        environment=ENVIRONMENT,
        hashes={"cases": "5d41402abc4b2a76", "scorers": "7d793037a0760186", "environment": "e4da3b7fbbce2345"},
        plan={"concurrency": 8, "max_tokens": 128, "repeats": 1, "seed": None},
        comparison=comparison(),
        warnings=["Answers were cut off at max_tokens=128 in 1 cases: expense-report-en."],
        mlflow={"tracking_uri": "https://mlflow.example", "experiment": "qwen3-4b-chat", "run_id": "r7"},
    )


def approved() -> Json:
    """A release that passes, with nothing to look at."""
    return report(
        passing(48),
        summary="48 of 48 cases passed (100 %), the gate wants 90 %.",
        decided=[criterion("pass rate", "all", 1.0, "at least 90 %", "pass", "every case passed")],
        subject={"group": "qwen3-4b-chat", "version": "8", "model_package": f"{GROUP}/8"},
        environment=ENVIRONMENT,
        plan={"concurrency": 8, "max_tokens": 128},
        comparison=comparison(
            lost=[],
            gained=[],
            verdict="pass",
            both_passed=48,
            both_failed=0,
            cases_needed=None,
            difference={"estimate": 0.0, "low": -0.02, "high": 0.03, "confidence": 0.95},
            why="Not worse than the champion by more than 5 points.",
            answers={},
        ),
    )
