"""Values of options: those that end the start, and those that do something else than they say."""

from collections.abc import Iterator, Mapping

from sluice.lmi import options
from sluice.lmi.options import Kind
from sluice.preflight.container import secrets
from sluice.preflight.deployment_spec import DeploymentSpec, Setting
from sluice.preflight.finding import Finding, Rule, Severity
from sluice.preflight.options.effective_options import (
    BEFORE,
    LENGTH,
    PIPELINE,
    called,
    given,
    is_quoted,
    line,
    number,
    release,
    shown,
    texts,
    writes,
)
from sluice.preflight.options.rules import (
    CONFIGURATIONS,
    LMI003,
    LMI004,
    LMI005,
    LMI006,
    LMI007,
    LMI008,
    LMI010,
    LMI011,
    LMI013,
    LMI016,
    LMI020,
    LMI021,
)

RULE: Mapping[Kind, Rule] = {  # names that are not read are another module's
    "ends": LMI003,
    "value": LMI004,
    "false": LMI005,
    "dtype": LMI006,
    "quantize": LMI007,
    "handler": LMI011,
    "model": LMI013,
    "sessions": LMI016,
    "pipeline": LMI020,
    "engine": LMI021,
}
PREDICATES = ("must ", "ends ", "is refused", "replaces ", "names ")
CHAT_BROKEN = range(19, 26)  # releases whose older queue imports, for a chat, what their vLLM has moved


def refused(setup: DeploymentSpec) -> Iterator[Finding]:
    """What `lmi.options` says of values: LMI003 to LMI007, LMI011, LMI013, LMI016, LMI020 and LMI021."""
    known = release(setup)
    if known is None:
        return
    settings = given(setup)
    for found in options.findings(texts(setup), known):
        if found.kind in RULE:
            yield _told(setup, settings[found.option], found, known)


def lengths(setup: DeploymentSpec) -> Iterator[Finding]:
    """LMI008, where the value is understood."""
    known, each = release(setup), given(setup).get(LENGTH)
    if known is None or each is None or is_quoted(each.value):
        return
    value = each.value.strip()
    tokens = _length(value, known)
    if tokens is None and value.lower() in {"auto", "-1"} and known >= options.AUTO_LENGTH_FROM:
        what = f"{value} is the longest context that fits on the card: on another instance it is another one."
        yield LMI008.at(each.place, what, line(setup, each, LENGTH, "4096"))
    elif tokens is not None and value[-1].isalpha():
        other = f"{value[:-1]}{value[-1].swapcase()}"
        also = _length(other, known)
        what = f"vLLM reads {value} as {tokens:,} tokens{f', and {other} as {also:,}' if also else ''}."
        yield LMI008.at(each.place, what, line(setup, each, LENGTH, str(tokens)))


def batches(setup: DeploymentSpec) -> Iterator[Finding]:
    """LMI010, and what LMI011 says of batches."""
    if release(setup) is None:
        return
    seats = given(setup).get("max_rolling_batch_size")
    if seats is not None and seats.value.strip() == "1":
        what = "One request is answered at a time and all others wait, however much room the KV cache has."
        yield LMI010.at(seats.place, what, line(setup, seats, "max_rolling_batch_size", "16"))
    yield from _before_the_handler(setup)


def _before_the_handler(setup: DeploymentSpec) -> Iterator[Finding]:
    """Batches that DJL Serving makes, where vLLM makes its own."""
    instead = f"vLLM batches by itself, up to {called(setup, 'max_rolling_batch_size')} requests at a time."
    option = given(setup).get("batch_size")
    if option is not None and (number(option.value) or 0) > 1:
        fix = line(setup, option, "max_rolling_batch_size", option.value.strip())
        yield LMI011.at(option.place, f"As an option it changes nothing: {instead}", fix, source=CONFIGURATIONS)
    for each in setup.properties:
        if each.name == "batch_size" and (number(each.value) or 0) > 1:
            what = "Above 1 it turns the asynchronous mode and vLLM's batching off: a handler without vLLM answers."
            severity: Severity = "error" if writes(setup) else "warning"
            yield LMI011.at(each.place, f"{what} {instead}", "batch_size=1", severity=severity)
    served = setup.variable("SERVING_BATCH_SIZE")
    if served is not None and (number(served.value) or 0) > 1:
        what = (
            "Requests are put together before a handler that takes one at a time: those that come together fail (424)."
        )
        yield LMI011.at(served.place, f"{what} {instead}", severity="error", confidence="inferred")


def _told(setup: DeploymentSpec, each: Setting, found: options.Finding, known: int) -> Finding:
    rule, why = RULE[found.kind], found.why
    severity: Severity | None = None
    if found.kind == "value" and found.option == LENGTH and each.value.strip().lower() in {"auto", "-1"}:
        rule, severity = LMI008, "error"
        why = f"{each.value.strip()} (the longest that fits) is understood from LMI {options.AUTO_LENGTH_FROM} on."
    elif found.kind == "model":
        why = f"{why} The mounted files are not used, and vLLM looks for {shown(each)} on the hub."
    elif found.kind == "false":
        why, severity = _false(found, known)
    elif found.kind == "handler":
        why, severity = _handler(setup, each, found, known)
    elif found.kind == "sessions":
        why = f"The endpoint starts, and then {why}"
    elif found.kind == "ends":
        why = f"{why} {called(setup, found.use)} is what is read." if found.use else why
    if found.effect == "stops" and found.kind != "model":
        why = f"{why} {BEFORE}"
    value = (
        "1"
        if found.use == PIPELINE
        else found.value or ("" if found.kind in {"value", "dtype"} else each.value.strip())
    )
    fix = line(setup, each, found.use, value) if found.use else ""
    return rule.at(each.place, _safe(_sentence(why), each), fix, severity=severity)


def _sentence(why: str) -> str:
    """With the subject that a line of the log goes without."""
    return f"It {why}" if why.startswith(PREDICATES) else f"{why[:1].upper()}{why[1:]}" if why[:6] == "there " else why


def _safe(message: str, each: Setting) -> str:
    """A message without a value that is secret or long."""
    for text in (repr(each.value.strip()), each.value.strip()):
        if len(text) > len(shown(each)) or secrets.kind(each.name, each.value):
            message = message.replace(text, shown(each))
    return message


def _false(found: options.Finding, known: int) -> tuple[str, Severity | None]:
    option = found.option
    if found.effect == "stops":
        return f"LMI {known} hands on --no-{option.replace('_', '-')}, which vLLM's parser does not know.", "error"
    first = f"false is not handed on to vLLM before LMI {options.FALSE_PASSED_FROM}"
    if options.kind(option) != "flag":
        return f"{first}: the default holds.", None
    if known < options.NOT_OFF.get(option, known + 1):
        return f"{first}, and it is the default: the line changes nothing.", "note"
    return f"{first}: the default holds, which is not off. This release cannot turn it off.", None


def _handler(setup: DeploymentSpec, each: Setting, found: options.Finding, known: int) -> tuple[str, Severity | None]:
    if found.effect == "stops":
        return found.why, "error"
    alone = found.option == "rolling_batch" and each.value.strip() == "disable"
    if alone:
        severity: Severity = "error" if writes(setup) else "warning"  # other models than writers are served so
        return f"{found.why} The options of vLLM have no effect. {found.instead}", severity
    chat = f" In LMI {known} every request with messages ends in an error there (424)."
    broken = found.option == "rolling_batch" and known in CHAT_BROKEN
    return f"{found.why}{chat if broken else ''} {found.instead}", None


def _length(value: str, known: int) -> int | None:
    try:
        return options.length(value, known)
    except ValueError:
        return None
