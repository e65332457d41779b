"""What a request asks for: chat `messages`, a `prompt`, or LMI's native `inputs`, told apart by the first key present.

Every value is checked here, so that any valid JSON is either answered or refused with a reason. What the image's engine
knows and this one does not (tools, several answers, penalties) is refused by name, never passed over.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from sluice.tinylmi.sampling import Sampling
from sluice.tinylmi.text import PromptError, Text

NATIVE_TOKENS = 30
COMPLETION_TOKENS = 16
ROLE = re.compile(r"[a-z_]{1,32}")
SEED_LIMIT = 2**63
BEYOND: dict[str, tuple[Any, ...]] = {  # not done here; values that ask for nothing are let through
    "adapters": (),
    "add_generation_prompt": (True,),
    "add_special_tokens": (True, False),
    "allowed_token_ids": ([],),
    "bad_words": ([],),
    "best_of": (1,),
    "chat_template": (),
    "continue_final_message": (False,),
    "decoder_input_details": (False,),
    "documents": ([],),
    "echo": (False,),
    "frequency_penalty": (0,),
    "functions": ([],),
    "guided_choice": (),
    "guided_grammar": (),
    "guided_json": (),
    "guided_regex": (),
    "include_stop_str_in_output": (False,),
    "length_penalty": (1,),
    "logit_bias": ({},),
    "logprobs": (False,),
    "min_p": (0,),
    "min_tokens": (0,),
    "n": (1,),
    "presence_penalty": (0,),
    "prompt_logprobs": (),
    "repetition_penalty": (1,),
    "response_format": ({"type": "text"},),
    "skip_special_tokens": (True,),
    "stop_token_ids": ([],),
    "structured_outputs": (),
    "suffix": ("",),
    "tools": ([],),
    "top_logprobs": (0,),
    "truncate_prompt_tokens": (),
    "use_beam_search": (False,),
}
Form = Literal["chat", "prompt", "inputs"]


class BadRequest(ValueError):
    """The request cannot be answered, and why."""


@dataclass(frozen=True)
class Defaults:
    """What applies where a request is silent, from generation_config.json as the image's engine takes it."""

    sampling: Sampling
    max_tokens: int | None = None


@dataclass(frozen=True)
class GenerationRequest:
    form: Form
    ids: list[int]
    max_tokens: int
    sampling: Sampling
    stop: tuple[str, ...] = ()
    stream: bool = False
    include_usage: bool = False
    ignore_end: bool = False
    details: bool = False  # native: count and list the tokens
    prefix: str = ""  # native: the prompt itself, if the answer is to repeat it


def parse_json(raw: bytes) -> dict[str, Any]:
    """A JSON object; NaN and the infinities, which Python would read, are not JSON."""
    try:
        body = json.loads(raw.decode("utf-8"), parse_constant=_not_json)
    except RecursionError:
        raise BadRequest("the body is nested too deeply") from None
    except ValueError as error:
        raise BadRequest(f"the body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise BadRequest("the body must be a JSON object")
    return body


def parse_request(
    body: Mapping[str, Any], text: Text, defaults: Defaults, served_name: str, context: int
) -> GenerationRequest:
    """What is asked, with its prompt in tokens; raises BadRequest."""
    named = body.get("model", served_name)
    if named != served_name:
        raise BadRequest(f"there is no model {named!r} here; leave `model` out, or send {served_name!r}")
    if "prompt" in body:
        return _build_request("prompt", body, _text(body, "prompt"), text, defaults, context)
    if "inputs" in body:
        return _native(body, text, defaults, context)
    if "messages" in body:
        _refuse(body)
        messages = _messages(body["messages"])
        _short_enough("".join(message["content"] for message in messages), text, context)
        try:
            ids = text.chat(messages, _template_options(body.get("chat_template_kwargs")))
        except PromptError as error:
            raise BadRequest(str(error)) from None
        return _build_request("chat", body, ids, text, defaults, context)
    if "requestType" in body:
        raise BadRequest("stateful sessions (requestType) are not done here")
    raise BadRequest("the body must contain prompt, inputs, or messages")


def _native(body: Mapping[str, Any], text: Text, defaults: Defaults, context: int) -> GenerationRequest:
    """LMI's own form: no chat template, 30 new tokens, `stop_sequences` not understood."""
    parameters = body.get("parameters", {})
    if not isinstance(parameters, dict):
        raise BadRequest("parameters must be an object")
    own = {"max_new_tokens", "return_full_text", "truncate", "top_n_tokens", "ignore_eos_token", "details", "do_sample"}
    own |= {"decoder_input_details"}
    _refuse({"n": parameters.get("top_n_tokens"), "truncate_prompt_tokens": parameters.get("truncate")})
    _refuse({"decoder_input_details": parameters.get("decoder_input_details")})
    fields = {
        "max_tokens": parameters.get("max_new_tokens", NATIVE_TOKENS),
        "ignore_eos": parameters.get("ignore_eos_token", False),
        "stream": body.get("stream", False),
        "details": parameters.get("details", False),
        **{name: value for name, value in parameters.items() if name not in own},
    }
    if parameters.get("do_sample") is False:
        fields["temperature"] = 0
    prompt = _inputs(body["inputs"])
    prefix = prompt if _switch(parameters, "return_full_text") else ""
    return _build_request("inputs", fields, prompt, text, defaults, context, prefix)


def _inputs(value: Any) -> str:
    if isinstance(value, list) and value:
        value = value[0]  # of several prompts the image answers the first
    if not isinstance(value, str):
        raise BadRequest("inputs must be a text")
    return _sound(value, "inputs")


def _build_request(
    form: Form,
    fields: Mapping[str, Any],
    prompt: str | list[int],
    text: Text,
    defaults: Defaults,
    context: int,
    prefix: str = "",
) -> GenerationRequest:
    _refuse(fields)
    if isinstance(prompt, str):
        _short_enough(prompt, text, context)
    ids = text.plain(prompt) if isinstance(prompt, str) else prompt
    stream = _switch(fields, "stream")
    return GenerationRequest(
        form=form,
        ids=ids,
        max_tokens=_limit(form, fields, len(ids), defaults, context),
        sampling=_sampling(fields, defaults.sampling),
        stop=_stop(fields.get("stop")),
        stream=stream,
        include_usage=_include_usage(fields, stream),
        ignore_end=_switch(fields, "ignore_eos"),
        details=_switch(fields, "details"),
        prefix=prefix,
    )


def _limit(form: Form, fields: Mapping[str, Any], prompt: int, defaults: Defaults, context: int) -> int:
    """How long the answer may get: what is asked for must fit, and a chat that does not ask gets the rest."""
    if not prompt:
        raise BadRequest("the prompt is empty")
    if prompt >= context:
        raise BadRequest(f"the prompt has {prompt} tokens, and the context (max_model_len) is {context}")
    limit = _whole(fields, "max_completion_tokens", 1)
    if limit is None:
        limit = _whole(fields, "max_tokens", 1)
    if limit is None:
        usual = COMPLETION_TOKENS if form == "prompt" else defaults.max_tokens or context
        return min(usual, context - prompt)
    if prompt + limit > context:
        raise BadRequest(
            f"max_tokens is {limit}, but with {prompt} tokens of prompt the context (max_model_len {context}) "
            f"leaves {context - prompt}"
        )
    return limit


def _sampling(fields: Mapping[str, Any], usual: Sampling) -> Sampling:
    temperature = _number(fields, "temperature", usual.temperature)
    top_p = _number(fields, "top_p", usual.top_p)
    top_k = _whole(fields, "top_k", -1)
    seed = _whole(fields, "seed", -SEED_LIMIT)
    if temperature < 0:
        raise BadRequest("temperature must not be negative")
    if not 0 < top_p <= 1:
        raise BadRequest("top_p must be more than 0 and at most 1")
    if seed is not None and seed >= SEED_LIMIT:
        raise BadRequest("seed must fit into 64 bits")
    return Sampling(
        temperature=temperature,
        top_p=top_p,
        top_k=usual.top_k if top_k is None else max(top_k, 0),
        seed=None if seed == -1 else seed,  # -1 is the image's word for no seed
    )


def _short_enough(prompt: str, text: Text, context: int) -> None:
    """Refuse megabytes before they are cut into tokens."""
    if text.at_least(prompt) > context:
        raise BadRequest(f"the prompt is far longer than the context (max_model_len) of {context} tokens")


def _template_options(value: Any) -> dict[str, bool | int | float]:
    """Switches for the chat template; texts are refused, they could hold control tokens."""
    options = {} if value is None else value
    if not isinstance(options, dict) or not all(isinstance(each, bool | int | float) for each in options.values()):
        raise BadRequest("chat_template_kwargs must be an object of switches and numbers")
    return options


def _messages(value: Any) -> list[dict[str, str]]:
    if not isinstance(value, list) or not value:
        raise BadRequest("messages must be a list that is not empty")
    return [_message(number, message) for number, message in enumerate(value)]


def _message(number: int, message: Any) -> dict[str, str]:
    where = f"messages[{number}]"
    if not isinstance(message, dict):
        raise BadRequest(f"{where} must be an object with role and content")
    role, content = message.get("role"), message.get("content")
    if not isinstance(role, str) or not ROLE.fullmatch(role):
        raise BadRequest(f"{where}.role must be a word such as user")
    for name in ("tool_calls", "function_call", "audio"):
        if message.get(name):
            raise BadRequest(f"{where}.{name} is not supported here")
    if content is None and role == "assistant":
        content = ""
    if isinstance(content, list):
        content = "\n".join(_part(f"{where}.content[{part}]", value) for part, value in enumerate(content))
    if not isinstance(content, str):
        raise BadRequest(f"{where}.content must be a text, or a list of text parts")
    return {"role": role, "content": _sound(content, f"{where}.content")}


def _part(where: str, part: Any) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(part.get("text"), str):
        raise BadRequest(f"{where} must be of type text: this model reads nothing else")
    return str(part["text"])


def _text(body: Mapping[str, Any], name: str) -> str:
    if not isinstance(body[name], str):
        raise BadRequest(f"{name} must be a text")
    return _sound(body[name], name)


def _sound(text: str, where: str) -> str:
    """JSON can spell half a character (a lone surrogate), which no tokenizer can read."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadRequest(f"{where} holds half of a character") from None
    return text


def _stop(value: Any) -> tuple[str, ...]:
    strings = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(strings, list) or not all(isinstance(each, str) for each in strings):
        raise BadRequest("stop must be a text or a list of texts")
    if not all(strings):
        raise BadRequest("stop must not hold an empty text")
    return tuple(strings)


def _include_usage(fields: Mapping[str, Any], stream: bool) -> bool:
    options = fields.get("stream_options")
    if options is None:
        return False
    if not stream:
        raise BadRequest("stream_options is only for a request with stream")
    if not isinstance(options, dict):
        raise BadRequest("stream_options must be an object")
    _refuse_value("stream_options.continuous_usage_stats", options.get("continuous_usage_stats"), (False,))
    return _switch(options, "include_usage")


def _refuse(fields: Mapping[str, Any]) -> None:
    for name, harmless in BEYOND.items():
        _refuse_value(name, fields.get(name), harmless)
    if fields.get("tool_choice") not in (None, "none", "auto"):
        raise BadRequest("tool_choice is not supported here")


def _refuse_value(name: str, value: Any, harmless: tuple[Any, ...]) -> None:
    if value is not None and value not in harmless:
        raise BadRequest(f"{name} is not supported here")


def _switch(fields: Mapping[str, Any], name: str) -> bool:
    value = fields.get(name)
    if not isinstance(value, bool | None):
        raise BadRequest(f"{name} must be true or false")
    return bool(value)


def _whole(fields: Mapping[str, Any], name: str, least: int) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadRequest(f"{name} must be a whole number")
    if value < least:
        raise BadRequest(f"{name} must be at least {least}")
    return value


def _number(fields: Mapping[str, Any], name: str, usual: float) -> float:
    value = fields.get(name)
    if value is None:
        return usual
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadRequest(f"{name} must be a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise BadRequest(f"{name} is too large a number")
    return number


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON value")
