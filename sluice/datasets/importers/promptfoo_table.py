"""promptfoo's kinds of assertions and what becomes of them: for docs/cases.md, and for saying no by name."""

from collections.abc import Iterator, Mapping

IMPORTED = (
    ("contains, icontains, contains-all, icontains-all", "`contains`"),
    ("contains-any, icontains-any", "`contains_any`"),
    ("not-contains, not-icontains, not-contains-any, not-icontains-any", "`not_contains`"),
    ("equals; with an object", "`equals`; `json`"),
    ("regex, not-regex, starts-with, not-starts-with, not-equals, word-count", "`matches`"),
    ("is-json, contains-json", "`json`, with the schema if there is one"),
    ("similar", "`similar`, by embedding"),
    ("llm-rubric, not-llm-rubric, g-eval, model-graded-closedqa, factuality", "`judge`"),
    ("is-refusal, not-is-refusal", "`refuses`"),
    ("latency", "`latency`"),
    ("finish-reason", "`finish_reason`"),
    ("tool-call-f1", "`tool_calls`"),
    ("assert-set", "its assertions, if all of them must hold"),
)

ELSEWHERE: Mapping[str, str] = {
    "cost": "no: `evaluation.gate.max_cost_per_answer` limits it for all cases",
    "javascript": "no: write it in Python, as `python: module:function`",
    "python": "no: write it as `python: module:function`, which takes what was said",
    **dict.fromkeys(("ruby", "webhook"), "no"),
    "context-faithfulness": "no: `grounded: true` checks what can be checked without a judge",
    **dict.fromkeys(
        ("answer-relevance", "context-recall", "context-relevance", "conversation-relevance"), "no: write a `judge`"
    ),
    **dict.fromkeys(("levenshtein", "rouge-n", "bleu", "gleu", "meteor"), "no: `similar` is the nearest"),
    **dict.fromkeys(
        (
            *("similar:dot", "similar:euclidean", "perplexity", "perplexity-score", "classifier", "moderation"),
            *("guardrails", "pi", "select-best", "max-score", "human", "skill-used"),
            *("is-xml", "contains-xml", "is-html", "contains-html", "is-sql", "contains-sql"),
            *("is-valid-function-call", "is-valid-openai-function-call", "is-valid-openai-tools-call"),
            *("search-rubric", "research-rubric", "agent-rubric"),
            *("trace-span-count", "trace-span-duration", "trace-error-spans"),
            *("trajectory:tool-used", "trajectory:tool-args-match", "trajectory:tool-sequence"),
            *("trajectory:step-count", "trajectory:goal-success"),
        ),
        "no",
    ),
}


def list_assertions() -> Iterator[tuple[str, str]]:
    """Yields names of assertions, and what becomes of them."""
    yield from IMPORTED
    by_words: dict[str, list[str]] = {}
    for name, words in ELSEWHERE.items():
        by_words.setdefault(words, []).append(name)
    yield from ((", ".join(names), words) for words, names in by_words.items())
