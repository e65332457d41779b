"""The chat form of the LMI wire: what is asked, and what is understood of an answer however it is cut."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice import chat_api

QUESTION = [{"role": "user", "content": "휴가는 며칠인가요?"}]


def line(**fields):
    return json.dumps(fields, ensure_ascii=False).encode() + b"\n"


def piece(text, reason=None):
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": reason}]}


STREAM = (
    line(choices=[{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}])
    + line(**piece("열다섯"))
    + line(**piece(" 일입니다."))
    + line(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
    + line(choices=[], usage={"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17})
    + b"\n"
)


def test_a_request_always_carries_a_token_limit_and_a_temperature():
    assert chat_api.chat_request(QUESTION, 128) == {"messages": QUESTION, "max_tokens": 128, "temperature": 0.0}


def test_a_streamed_request_asks_for_token_counts():
    body = chat_api.chat_request(QUESTION, 9, temperature=0.7, stream=True, seed=1, stop=("\n",))
    assert body["stream"] is True
    assert body["stream_options"] == {"include_usage": True}
    assert (body["temperature"], body["seed"], body["stop"]) == (0.7, 1, ["\n"])


def test_a_whole_reply_is_read():
    body = {
        "choices": [{"message": {"role": "assistant", "content": "15일"}, "finish_reason": "length"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2},
    }
    assert chat_api.parse_reply(json.dumps(body).encode() + b"\n") == chat_api.Reply("15일", "length", 3, 2)


def test_a_reply_without_token_counts_counts_zero():
    body = {"choices": [{"message": {"content": ""}, "finish_reason": None}]}
    assert chat_api.parse_reply(json.dumps(body).encode()) == chat_api.Reply("", None, 0, 0)


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_a_model_whose_tokens_ran_out_while_it_thought_has_answered_nothing(field):
    body = {"choices": [{"message": {"content": None, field: "The user asks"}, "finish_reason": "length"}]}
    assert chat_api.parse_reply(json.dumps(body).encode()) == chat_api.Reply("", "length", 0, 0)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "nothing at all"),
        (b"<html>Bad gateway</html>", "Bad gateway"),
        (b"[1]", "not an object"),
        (b'{"generated_text": "hi"}', "not a chat answer"),
        (b'{"choices": [{"message": {"content": null}}]}', "holds no text"),
        (b'{"choices": {"a": 1}}', "not a chat answer"),
        (b'{"code": 424, "error": "Input parsing failed"}', "Input parsing failed"),
        (b'{"error": {"message": "too long"}}', "too long"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_what_is_not_a_chat_answer_is_said_with_an_excerpt(body, said):
    with pytest.raises(chat_api.BadReply, match=said) as caught:
        chat_api.parse_reply(body)
    assert len(caught.value.message) < 400


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_a_stream_is_understood_wherever_it_is_cut(cuts):
    lines, seen = chat_api.Lines(), []
    edges = [0, *sorted(cuts), len(STREAM)]
    for start, end in itertools.pairwise(edges):
        seen += lines.feed(STREAM[start:end])
    seen += lines.close()
    assert "".join(chat_api.delta(obj) for obj in seen) == "열다섯 일입니다."
    assert [chat_api.finish(obj) for obj in seen if chat_api.finish(obj)] == ["stop"]
    assert [chat_api.usage(obj) for obj in seen if chat_api.usage(obj)] == [(12, 5)]


def test_a_last_line_without_its_newline_counts():
    lines = chat_api.Lines()
    assert lines.feed(b'{"a": 1}') == []
    assert lines.close() == [{"a": 1}]


def test_half_a_line_at_the_end_is_an_error():
    lines = chat_api.Lines()
    lines.feed(b'{"choices": [{"del')
    with pytest.raises(chat_api.BadReply, match="not JSON"):
        lines.close()


def test_an_error_line_inside_a_stream_is_an_error():
    lines = chat_api.Lines()
    with pytest.raises(chat_api.BadReply, match="worker died"):
        lines.feed(line(**piece("a")) + line(error="worker died", code=500))


@pytest.mark.parametrize("strange", [{}, {"choices": []}, {"choices": "x"}, {"choices": [None]}, {"usage": 3}])
def test_a_strange_object_says_nothing(strange):
    assert chat_api.delta(strange) == ""
    assert chat_api.finish(strange) is None
    assert chat_api.usage(strange) is None


def test_functions_that_a_whole_reply_calls_are_read_and_it_need_not_say_anything():
    call = {"id": "c1", "type": "function", "function": {"name": "leave_days", "arguments": '{"year": 2026}'}}
    body = {"choices": [{"message": {"content": None, "tool_calls": [call]}, "finish_reason": "tool_calls"}]}
    reply = chat_api.parse_reply(json.dumps(body).encode())
    assert (reply.text, reply.finish_reason) == ("", "tool_calls")
    assert reply.tool_calls == ({"name": "leave_days", "arguments": {"year": 2026}},)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("", {}),
        ("{}", {}),
        ({"day": "월요일"}, {"day": "월요일"}),
        ('{"day": ', '{"day": '),
        ("[1, 2]", "[1, 2]"),
        ('{"a": "\\ud800"}', {"a": "\ufffd"}),
        (None, {}),
    ],
)
def test_arguments_are_an_object_or_the_text_that_the_model_wrote(given, read):
    calls = chat_api.ToolCalls()
    calls.add([{"function": {"name": "f", "arguments": given}}])
    assert calls.build() == ({"name": "f", "arguments": read},)


def test_streamed_calls_are_put_together_by_their_index():
    pieces = [
        [{"index": 0, "id": "a", "function": {"name": "find", "arguments": ""}}],
        [{"index": 0, "function": {"arguments": '{"q": "연'}}, {"index": 1, "function": {"name": "stop"}}],
        [{"index": 0, "function": {"arguments": '차"}'}}],
        None,
    ]
    calls = chat_api.ToolCalls()
    for piece in pieces:
        calls.add(chat_api.calls({"choices": [{"delta": {"tool_calls": piece}}]}))
    assert calls.build() == ({"name": "find", "arguments": {"q": "연차"}}, {"name": "stop", "arguments": {}})


@pytest.mark.parametrize("strange", ["x", [None], [{}], [{"function": 3}], {"function": {}}])
def test_strange_calls_are_none(strange):
    calls = chat_api.ToolCalls()
    calls.add(strange)
    assert not calls and calls.build() == ()


def test_half_a_character_is_mended_so_that_the_answer_can_be_written_down():
    body = b'{"choices": [{"message": {"content": "ok \\ud83d \\uD83D\\uDE00"}}]}'
    assert chat_api.parse_reply(body).text == "ok \ufffd \U0001f600"
    assert chat_api.replace_surrogates("\ud83d" + "\ude00") == "\U0001f600"


def test_server_sent_events_are_understood_like_lines():
    stream = STREAM.replace(b'{"choices"', b'data: {"choices"') + b": ping\r\nevent: end\r\n\r\ndata: [DONE]\r\n\r\n"
    lines = chat_api.Lines()
    seen = [*lines.feed(stream), *lines.close()]
    assert "".join(chat_api.delta(obj) for obj in seen) == "열다섯 일입니다."
