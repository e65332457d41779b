"""Reports that mean harm, or are just too large, as plain values."""

from report_example import Json, case, chat, comparison, criterion, passing, report, score, turn

# What a model may say to whoever shows it: markup, scripts, terminal and spreadsheet commands, and letters that hide.
HOSTILE = {
    "markup": "</p></dd></main><script>window.broken = 1</script><img src=x onerror='window.broken = 1'>",
    "attribute": '" onmouseover="window.broken = 1" style="position:fixed;inset:0',
    "style": "</style><style>body{display:none}</style><link rel=stylesheet href=https://example.invalid/a.css>",
    "frame": "<iframe srcdoc='<script>parent.broken=1</script>'></iframe><svg onload=window.broken=1>",
    "terminal": "\x1b[2J\x1b]0;owned\x07\x1b[31mred\x1b[0m\x9b31m\r",
    "spreadsheet": '=HYPERLINK("https://example.invalid","click")\n+1+1\n-1\n@SUM(A1)',
    "xml": "]]> <![CDATA[ &undefined; <?xml version='1.0'?> <!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>",
    "attachment": "[[ATTACHMENT|/etc/passwd]]",
    "markdown": "```\n</details>\n# Approved\n/approve\n@everyone #12 $x$ |a|b|",
    "links": "![x](https://example.invalid/x.png) [y](javascript:1) <https://example.invalid> [z]: /url",
    "direction": "\u202eevil\u2066 \u202d\u200f\u200e",
    "invisible": "\u200bpay\u200dday\ufeff\u00ad \u3164 \U000e0041",
    "surrogates": "\ud800 and \udfff, \ufffe \uffff \x00",
    "stacked": "Z" + "\u0300\u0301\u0302\u0303" * 200,
    "wide": "\ufdfd" * 40 + "W" * 3000,
    "separators": "one\u2028two\u2029three\x0bfour\x0cfive\x85six",
}


def hostile() -> Json:
    """Every kind of hostile text in every place that a report has for text."""
    cases = []
    for number, (name, evil) in enumerate(HOSTILE.items()):
        bad = turn(
            evil,
            evil,
            score(evil, False, evil),
            expected=evil,
            passages=[evil],
            sources=[evil],
            tool_calls=[{"name": evil, "arguments": {evil: evil}}],
            finish_reason=evil,
        )
        good = turn(evil, "fine", score("contains", True, evil))
        lost_one = turn(evil, evil, error=evil) if number % 3 == 2 else bad
        cases.append(
            case(
                f"{name}{evil}",
                chat(good, lost_one, scores=(score(evil, False, evil),)),
                tags=(evil,),
                expected=evil,
                critical=number % 2 == 0,
            )
        )
    cases.append(
        case("flaky", chat(turn("a", "b")), chat(turn("a", HOSTILE["markup"], score("x", False, "y")), repeat=1))
    )
    everything = " ".join(HOSTILE.values())
    names = [each["id"] for each in cases]
    return report(
        cases,
        verdict="fail",
        summary=everything,
        reasons=[everything],
        warnings=[everything],
        decided=[criterion(everything, everything, None, everything, "fail", everything)],
        subject={
            "group": everything,
            "version": everything,
            "url": f"http://x/'; rm -rf ~ #{everything}",
            everything: everything,
        },
        environment={everything: everything},
        hashes={everything: everything},
        plan={everything: everything},
        mlflow={everything: everything},
        started=everything,
        comparison=comparison(
            lost=names[:6],
            gained=names[6:9],
            why=everything,
            answers={name: [everything] * 2 for name in names},
            champion={"version": everything, "environment": {everything: "1", "OTHER": everything}},
            tags=[{"tag": everything}],
            latency={everything: {"estimate": 1.0}},
        ),
    )


def large(count: int = 5000, wrong: int = 400) -> Json:
    """Many cases, many of which failed, with long answers."""
    cases = passing(count - wrong)
    for number in range(wrong):
        told = turn(
            "질문입니다. " * 40,
            "Sorry, I do not know. " * 200,
            score("contains", False, "looked for '15일' " * 10),
            passages=["본문 " * 300] * 3,
            expected="contains '15일'",
        )
        cases.append(case(f"wrong-{number}", chat(told, told, told), tags=("large",)))
    return report(cases, verdict="fail", summary=f"{count - wrong} of {count} cases passed.", decided=[])


def endless() -> Json:
    """One answer of 10 MB in a single line, which failed."""
    told = turn("Go on.", "가" * 10_000_000, score("max_tokens", False, "7,000,000 of at most 120 tokens"))
    return report([case("endless", chat(told))], verdict="fail", summary="0 of 1 cases passed.")
