from sluice.evaluation import prompt


def test_the_prompt_is_the_one_that_the_checkpoints_were_trained_on() -> None:
    messages = prompt.build_messages("How many days?", ["Leave is\n15 days.", "Sick leave  is 10."], [("hi", "hello")])
    assert messages == [
        {"role": "system", "content": prompt.SYSTEM["en"]},
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "hello"},
        {
            "role": "user",
            "content": "Passages:\n[1] Leave is 15 days.\n[2] Sick leave is 10.\n\nQuestion: How many days?",
        },
    ]


def test_a_korean_question_gets_a_korean_frame_and_system_message() -> None:
    system, user = prompt.build_messages("연차는 며칠?", ["Leave is 15 days."])
    assert system["content"] == prompt.SYSTEM["ko"]
    assert user["content"] == "자료:\n[1] Leave is 15 days.\n\n질문: 연차는 며칠?"


def test_only_the_last_three_turns_are_sent() -> None:
    messages = prompt.build_messages("now", history=[(f"q{n}", f"a{n}") for n in range(5)], system="be brief")
    assert [message["content"] for message in messages] == ["be brief", "q2", "a2", "q3", "a3", "q4", "a4", "now"]
