"""Inputs in S3 by their content: nothing is sent twice, and what cannot be a model is refused before that."""

import io
import subprocess
import sys
import zipfile

import boto3
import pytest
from moto import mock_aws
from release_example import PLACE, written

from sluice.config.model import load
from sluice.errors import SluiceError, UsageError
from sluice.evaluation import settings
from sluice.evaluation.cases.spool import StoredCases
from sluice.pipelines import archive, upload

CASES = """
cases:
  - id: hello
    turns:
      - user: Hello?
        expect: {contains: hello}
"""


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights" * 1000)
    (folder / "sub" / "extra.txt").write_text("extra")
    (folder / ".cache").mkdir()
    (folder / ".cache" / "download").write_text("bookkeeping")
    return folder


@pytest.fixture
def config(tmp_path, model):
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "hello.yaml").write_text(CASES, encoding="utf-8")
    return load(written(tmp_path, model__source="model", evaluation__cases="cases"))


@pytest.fixture
def s3():
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket=PLACE.bucket)
        yield client


def keys(s3) -> list[str]:
    return [each["Key"] for each in s3.list_objects_v2(Bucket=PLACE.bucket).get("Contents", [])]


def test_a_release_is_uploaded_once(config, s3):
    prepared = upload.prepare_uploads(config, PLACE)
    assert keys(s3) == []
    assert [upload.send_missing(s3, each) for each in prepared.uploads] == [3, 1, 2, 1]
    assert [upload.send_missing(s3, each) for each in prepared.uploads] == [0, 0, 0, 0]
    prefix = prepared.sources.model.removeprefix(f"s3://{PLACE.bucket}/")
    assert prefix.startswith("models/")
    assert [key for key in keys(s3) if key.startswith("models/")] == [
        f"{prefix}config.json",
        f"{prefix}model.safetensors",
        f"{prefix}sub/extra.txt",
    ]


def test_one_changed_byte_is_another_place(config, model):
    before = upload.prepare_uploads(config, PLACE).sources
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes().replace(b"w", b"W", 1))
    after = upload.prepare_uploads(config, PLACE).sources
    assert before.model != after.model
    assert (before.cases, before.code) == (after.cases, after.code)


def test_an_upload_that_broke_off_goes_on_where_it_was(config, s3):
    model = upload.prepare_uploads(config, PLACE).uploads[0]
    s3.put_object(Bucket=PLACE.bucket, Key=f"{model.prefix}config.json", Body=b"{}")
    s3.put_object(Bucket=PLACE.bucket, Key=f"{model.prefix}model.safetensors", Body=b"half")
    assert upload.send_missing(s3, model) == 2
    assert s3.head_object(Bucket=PLACE.bucket, Key=f"{model.prefix}model.safetensors")["ContentLength"] == 7000
    assert s3.head_object(Bucket=PLACE.bucket, Key=f"{model.prefix}sub/extra.txt")["ContentLength"] == 5


def test_an_upload_is_announced_once_and_only_if_something_is_sent(config, s3):
    model = upload.prepare_uploads(config, PLACE).uploads[0]
    announced = []
    upload.send_missing(s3, model, announced.append)
    upload.send_missing(s3, model, announced.append)
    assert announced == [model]


def test_an_s3_prefix_is_used_as_it_is(config, tmp_path):
    prefixed = load(written(tmp_path, model__source="s3://weights/qwen3", evaluation__cases="cases"))
    prepared = upload.prepare_uploads(prefixed, PLACE)
    assert prepared.sources.model == "s3://weights/qwen3/"
    assert [each.what for each in prepared.uploads] == ["cases", "code", "settings"]


def test_one_case_file_will_do(config, tmp_path):
    one = load(written(tmp_path, model__source="model", evaluation__cases="cases/hello.yaml"))
    assert list(upload.prepare_uploads(one, PLACE).uploads[1].files) == ["hello.yaml"]


def test_how_a_version_is_judged_is_another_file_only_when_it_is_judged_otherwise(config, tmp_path):
    before = upload.prepare_uploads(config, PLACE)
    content = before.uploads[-1].files["settings.json"]
    assert settings.parse_settings(content) == config.settings
    for changes, moved in (({"evaluation__gate__min_pass_rate": 0.5}, True), ({"approval": "automatic"}, False)):
        changed = load(written(tmp_path, model__source="model", evaluation__cases="cases", **changes))
        after = upload.prepare_uploads(changed, PLACE).sources
        assert (after.settings != before.sources.settings) is moved
        assert (after.cases, after.code) == (before.sources.cases, before.sources.code)


def test_modules_that_the_cases_name_go_with_them(config):
    folder = config.evaluation.cases
    (folder / "own.yaml").write_text(
        "cases: [{id: own, turns: [{user: hi, expect: {python: polite_words:is_polite}}]},"
        " {id: deep, turns: [{user: hi, expect: {python: house_rules.tone:is_calm}}]}]"
    )
    (folder / "polite_words.py").write_text("def is_polite(said): return True")
    (folder / "unrelated.py").write_text("raise SystemExit")
    (folder / "house_rules").mkdir()
    (folder / "house_rules" / "__init__.py").write_text("")
    (folder / "house_rules" / "tone.py").write_text("def is_calm(said): return True")
    assert set(upload.list_case_files(folder, StoredCases(folder))) == {
        "hello.yaml", "own.yaml", "polite_words.py", "house_rules/__init__.py", "house_rules/tone.py",
    }  # fmt: skip
    one = folder / "hello.yaml"
    assert set(upload.list_case_files(one, StoredCases(one))) == {"hello.yaml"}


@pytest.mark.parametrize(
    ("case", "problem"),
    [
        ("turns: [{user: hi, expect: {judge: is polite}}]", "1 cases need a judge model, and none was named: x"),
        ("through: rag, turns: [{user: hi, expect: {contains: x}}]", "1 cases go through the RAG server.*: x"),
        ("reviewed: false, turns: [{user: hi, expect: {contains: x}}]", "1 cases are unreviewed and cannot gate: x"),
    ],
)
def test_cases_that_nobody_can_judge_by_are_refused_before_anything_is_sent(config, case, problem):
    (config.evaluation.cases / "more.yaml").write_text(f"cases: [{{id: x, {case}}}]", encoding="utf-8")
    with pytest.raises(UsageError, match=problem):
        upload.prepare_uploads(config, PLACE)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda folder: None, "There is no model folder"),
        (lambda folder: folder.mkdir(), "is empty"),
        (lambda folder: (folder.mkdir(), (folder / "weights.bin").touch()), "holds no config.json at its root"),
        (lambda folder: folder.touch(), "There is no model folder"),
    ],
)
def test_what_is_no_model_is_refused(tmp_path, make, problem):
    make(tmp_path / "checkpoint")
    with pytest.raises(UsageError, match=problem) as error:
        upload.list_model_files(tmp_path / "checkpoint")
    assert str(tmp_path / "checkpoint") in error.value.message


@pytest.mark.parametrize("content", ["", "cases: 3", "cases: [{id: a}]", "cases: ["])
def test_broken_cases_are_refused_before_anything_is_sent(config, content):
    (config.evaluation.cases / "hello.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(UsageError):
        upload.prepare_uploads(config, PLACE)


def test_cases_that_are_not_there_are_refused(tmp_path):
    with pytest.raises(UsageError, match="no such file or folder"):
        upload.prepare_uploads(load(written(tmp_path, evaluation__cases="nowhere")), PLACE)


def test_the_archive_is_the_same_wherever_it_is_made():
    first = archive.build_zip()
    assert archive.build_zip() == first
    names = zipfile.ZipFile(io.BytesIO(first)).namelist()
    assert {name.split("/")[1] for name in names} == {*archive.GROUND, *archive.PACKAGES}
    assert not any("__pycache__" in name for name in names)


def test_a_step_runs_out_of_the_archive(tmp_path):
    for name, content in archive.list_job_files(None).items():
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.read_bytes())
    process = subprocess.run(
        [sys.executable, "-I", str(tmp_path / "run.py"), "sluice.steps.deploy", "--nonsense"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert process.returncode != 0
    assert "unknown flag --nonsense" in process.stdout + process.stderr


def test_what_is_read_beside_the_code_is_in_the_archive_too(tmp_path):
    (tmp_path / "sluice.zip").write_bytes(archive.build_zip())
    program = """
import sys
sys.path[:0] = [sys.argv[1]]
import sluice.evaluation as evaluation
assert evaluation.__file__.startswith(sys.argv[1]), evaluation.__file__
from sluice.evaluation.compare.hashes import scoring_sources
from sluice.evaluation.reports.html.page import render_page
names = [name for name, _ in scoring_sources()]
assert {"prompt.py", "contains.py", "judge.py"} <= set(names), names
print(len(render_page({"verdict": "pass"})))
"""
    process = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "sluice.zip")],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert int(process.stdout) > 5_000


def test_wheels_travel_with_the_code_on_aws(tmp_path):
    (tmp_path / "boto3-1-py3-none-any.whl").write_bytes(b"wheel")
    (tmp_path / "complete").touch()
    assert set(archive.list_job_files(tmp_path)) == {"run.py", "sluice.zip", "wheels/boto3-1-py3-none-any.whl"}


def test_wheels_that_are_there_are_not_downloaded_again(tmp_path):
    folder = tmp_path / f"wheels-3.12-{archive.pins_hash()}"
    folder.mkdir()
    (folder / "complete").touch()
    assert archive.download_wheels("3.12", tmp_path) == folder


def test_a_download_that_fails_says_why(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(SluiceError, match="could not be downloaded"):
        archive.download_wheels("3.12", tmp_path)
    assert not list(tmp_path.rglob("complete"))


def test_what_the_steps_import_is_pinned_with_hashes():
    pins = archive.PINS.read_text(encoding="utf-8")
    for package in ("boto3", "pyyaml", "mlflow-skinny", "sagemaker-mlflow"):
        assert f"\n{package}==" in f"\n{pins}"
    assert pins.count("==") <= pins.count("--hash=sha256:")
    assert "http" not in pins
