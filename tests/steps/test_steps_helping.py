"""The models that help to judge, made from the settings: their keys stay secret, Bedrock is asked as botocore says."""

import io
import json
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from fake_sagemaker import Fake, FakeAws, refusal

from sluice.errors import UsageError
from sluice.evaluation.llm_judge import JudgeFailed
from sluice.evaluation.scoring import NOTHING, Sample, Vote
from sluice.evaluation.settings import EvaluationSettings, HelperModel
from sluice.steps.bedrock import Bedrock
from sluice.steps.judge_clients import NoKey, build_scoring_services, read_key

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:judge-AbCdEf"
MESSAGES = [{"role": "system", "content": "rules"}, {"role": "user", "content": "질문"}]


class FakeBedrock(Fake):
    service = "bedrock-runtime"

    def __init__(self) -> None:
        super().__init__()
        self.said: Any = '{"pass": true, "why": "fine"}'
        self.failures: list[Exception] = []

    def fails(self, *failures: Exception) -> None:
        self.failures += failures

    def _stumble(self) -> None:
        if self.failures:
            raise self.failures.pop(0)

    def converse_(self, **request: Any) -> dict[str, Any]:
        self._stumble()
        content = [{"reasoningContent": {"reasoningText": {"text": "hm"}}}, {"text": self.said}]
        return {"output": {"message": {"role": "assistant", "content": content}}, "stopReason": "end_turn"}

    def invoke_model_(self, body: bytes, **request: Any) -> dict[str, Any]:
        self._stumble()
        body_json = json.loads(body)
        if "inputText" in body_json:
            reply: Any = {"embedding": [float(len(body_json["inputText"])), 1.0]}
        else:
            vectors = [[float(len(text)), 1.0] for text in body_json["texts"]]
            reply = {"embeddings": vectors if self.said else {"float": vectors}}
        return {"body": io.BytesIO(json.dumps(reply).encode())}


class FakeSecrets(Fake):
    service = "secretsmanager"

    def __init__(self) -> None:
        super().__init__()
        self.secrets: dict[str, str] = {}

    def get_secret_value_(self, SecretId: str) -> dict[str, Any]:
        if SecretId not in self.secrets:
            raise refusal("GetSecretValue", "Secrets Manager can't find it.", "ResourceNotFoundException")
        return {"SecretString": self.secrets[SecretId]}


@pytest.fixture
def bedrock() -> FakeBedrock:
    return FakeBedrock()


@pytest.fixture
def aws(bedrock: FakeBedrock) -> FakeAws:
    aws = FakeAws()
    aws.others = {"bedrock-runtime": bedrock, "secretsmanager": FakeSecrets()}
    return aws


def test_without_helpers_nothing_is_made() -> None:
    assert build_scoring_services(EvaluationSettings(), FakeAws()) is NOTHING


def test_a_judge_in_bedrock_votes(aws: FakeAws, bedrock: FakeBedrock) -> None:
    help = build_scoring_services(
        EvaluationSettings(judge=HelperModel("anthropic.claude-3-5-haiku-20241022-v1:0", votes=2)), aws
    )
    assert help.judge and help.embed is None
    assert help.judge(Sample("hello"), "is polite", None) == [Vote(True, "fine")] * 2
    (name, request), _ = bedrock.calls
    assert name == "converse" and request["modelId"] == "anthropic.claude-3-5-haiku-20241022-v1:0"
    assert request["inferenceConfig"] == {"maxTokens": 512, "temperature": 0.0}
    assert [each["role"] for each in request["messages"]] == ["user"] and len(request["system"]) == 1


@pytest.mark.parametrize("form", ["floats by themselves", ""])
@pytest.mark.parametrize("model", ["amazon.titan-embed-text-v2:0", "us.cohere.embed-multilingual-v3"])
def test_embeddings_in_bedrock_in_the_form_of_their_family(
    aws: FakeAws, bedrock: FakeBedrock, model: str, form: str
) -> None:
    bedrock.said = form
    help = build_scoring_services(EvaluationSettings(embeddings=HelperModel(model)), aws)
    assert help.embed and help.embed(["하나", "", "둘"]) == [[2.0, 1.0], [0.0, 0.0], [1.0, 1.0]]


def test_embeddings_of_an_unknown_family_are_refused_before_anything_is_asked(aws: FakeAws) -> None:
    with pytest.raises(UsageError, match=r"the form of someone\.embed-v1's requests"):
        build_scoring_services(EvaluationSettings(embeddings=HelperModel("someone.embed-v1")), aws)


def test_bedrock_is_asked_again_while_it_is_throttled_and_not_when_it_refuses(bedrock: FakeBedrock) -> None:
    client = Bedrock(bedrock, "judge-1", retry_seconds=5.0, sleep=lambda _: None)
    bedrock.fails(
        refusal("Converse", "slow down", "ThrottlingException"), EndpointConnectionError(endpoint_url="https://b")
    )
    assert client.complete(MESSAGES, 64, 0) == bedrock.said
    bedrock.fails(refusal("Converse", "no access to this model", "AccessDeniedException"))
    with pytest.raises(JudgeFailed, match="AccessDeniedException: no access to this model"):
        client.complete(MESSAGES, 64, 0)
    bedrock.fails(*[refusal("Converse", "slow down", "ThrottlingException")] * 2)
    with pytest.raises(JudgeFailed, match=r"ThrottlingException: slow down \(for 0 s it said nothing else\)"):
        Bedrock(bedrock, "judge-1", retry_seconds=0.0, sleep=lambda _: None).complete(MESSAGES, 64, 0)


# keys


def holds(aws: FakeAws, text: str) -> FakeAws:
    aws.others["secretsmanager"].secrets[ARN] = text  # type: ignore[attr-defined]
    return aws


def test_a_variable_that_is_set_wins_over_the_secret(aws: FakeAws) -> None:
    helper = HelperModel("m", "https://j/v1", key_variable="KEY", key_secret=ARN)
    holds(aws, "from the secret")
    assert read_key(helper, "judge", aws, {"KEY": " sk-1\n"}) == "sk-1"
    assert read_key(helper, "judge", aws, {}) == "from the secret"
    assert read_key(HelperModel("m", "https://j/v1"), "judge", aws, {}) is None


@pytest.mark.parametrize("text", ["sk-1", "sk-1\n", '{"key": "sk-1"}'])
def test_a_secret_is_a_text_or_json_with_one_value(aws: FakeAws, text: str) -> None:
    assert read_key(HelperModel("m", "https://j/v1", key_secret=ARN), "judge", holds(aws, text), {}) == "sk-1"


@pytest.mark.parametrize("text", ["", "{}", '{"a": "1", "b": "2"}', '{"a": 1}', "sk-1\nX-Other: yes", "비밀"])
def test_a_secret_that_is_no_key_is_told_and_not_shown(aws: FakeAws, text: str) -> None:
    with pytest.raises(NoKey) as caught:
        read_key(HelperModel("m", "https://j/v1", key_secret=ARN), "judge", holds(aws, text), {})
    assert not text or text not in str(caught.value)


def test_a_secret_that_cannot_be_read_is_told(aws: FakeAws) -> None:
    with pytest.raises(NoKey, match="cannot be read"):
        read_key(HelperModel("m", "https://j/v1", key_secret=ARN), "judge", aws, {})


def test_a_variable_that_a_job_does_not_see_is_told_before_anything_is_asked(aws: FakeAws) -> None:
    with pytest.raises(UsageError, match=r"evaluation\.judge\.key_variable names KEY, which is not set") as failure:
        build_scoring_services(EvaluationSettings(judge=HelperModel("m", "https://j/v1", key_variable="KEY")), aws, {})
    assert "key_secret" in failure.value.hint
