"""A new case to fill in, put at the end of a file whose every other byte stays as it is."""

import json
import os
from pathlib import Path

import yaml

from sluice import yaml_file
from sluice.datasets.schema import SCHEMA
from sluice.datasets.yaml_writer import dump_yaml, write_file
from sluice.errors import UsageError
from sluice.evaluation.cases import loader

ENGLISH = """\
- id: {id}
  reviewed: false            # such a case cannot gate; remove this line when the case is done
  # tags: [english]          # to group cases by; a gate may ask more of those with one tag
  # critical: true           # must never fail
  # goes_on_with: written    # later turns build on the `answer`s below instead of the model's own
  # through: rag             # ask the RAG server: it finds the passages itself
  turns:
    - user: What does the user ask?
      # passages:            # what retrieval would find, at most 4
      #   - Every employee receives 20 days of annual leave a year.
      # answer: Every employee receives 20 days a year.
      expect:
        contains: what a right answer says      # docs/cases.md has all expectations
        # not_contains: what it must not say
        # language: en
"""
KOREAN = """\
- id: {id}
  reviewed: false            # 검토 전이라 배포를 결정할 수 없습니다. 다 쓰면 이 줄을 지우세요
  # tags: [korean]           # 묶어서 보기 위한 이름. 게이트가 태그별 기준을 둘 수 있습니다
  # critical: true           # 절대 틀리면 안 되는 케이스
  # goes_on_with: written    # 다음 턴이 모델의 답이 아니라 아래 `answer` 위에 이어집니다
  # through: rag             # RAG 서버에 묻습니다. 자료는 서버가 찾습니다
  turns:
    - user: 사용자가 무엇을 묻나요?
      # passages:            # 검색이 찾았을 자료, 최대 4개
      #   - 모든 직원은 매년 20일의 연차 휴가를 받습니다.
      # answer: 연차 휴가는 1년에 20일입니다.
      expect:
        contains: 맞는 답에 꼭 들어갈 말      # 기대값의 모든 종류: docs/cases.md
        # not_contains: 들어가면 안 되는 말
        # language: ko
"""
TEXTS = {"en": ENGLISH, "ko": KOREAN}


def append_case(file: Path, id: str, language: str) -> None:
    """Appends the case, or makes the file. Raises UsageError if the file cannot take it; then it is not touched."""
    if file.suffix not in loader.SUFFIXES:
        raise UsageError(f"{file}: is no case file.", "Case files end in .yaml or .jsonl.")
    before = file.read_bytes() if file.exists() else b""
    added = json_line(id, language) if file.suffix == ".jsonl" else yaml_item(before, file, id, language)
    after = before + (b"\n" if before and not before.endswith(b"\n") else b"") + added
    check_appended(before, after, file, id)
    write_file(file, [after])


def json_line(id: str, language: str) -> bytes:
    """Returns the new case as a line of JSON."""
    case = yaml_file.loads(TEXTS[language].format(id=dump_yaml(id).partition("\n")[0]), "the new case")[0]
    return json.dumps(case, ensure_ascii=False).encode() + b"\n"


def yaml_item(before: bytes, file: Path, id: str, language: str) -> bytes:
    """Returns the new case as the file's own list is written: with its indentation and its line ends."""
    indent = 2
    if before.strip():
        indent = detect_indentation(before, file)
    text = TEXTS[language].format(id=dump_yaml(id).partition("\n")[0])
    if not before.strip():
        text = f"{modeline(file)}cases:\n{indented(text, indent)}"
    elif b"\n" in before.strip():
        text = "\n" + indented(text, indent)
    else:
        text = indented(text, indent)
    return (text.replace("\n", "\r\n") if b"\r\n" in before else text).encode()


def indented(text: str, by: int) -> str:
    return "".join(" " * by + each for each in text.splitlines(keepends=True))


def detect_indentation(before: bytes, file: Path) -> int:
    """Returns how far in the items of the list stand. Raises UsageError for a file that cannot take one more."""
    try:
        root = yaml.compose(before.decode("utf-8-sig"), Loader=yaml_file.Parser)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: cannot be read, so nothing is added.", f"sluice cases lint {file}") from error
    if root is None:
        raise UsageError(f"{file}: has comments only, so nothing is added.", "Write `cases:` at its end first.")
    lists = [value for key, value in root.value if key.value == "cases"] if isinstance(root, yaml.MappingNode) else []
    if lists and isinstance(lists[0], yaml.ScalarNode) and not lists[0].value:
        return 2  # `cases:` with nothing below it yet
    if len(root.value) != 1 or not lists or not isinstance(lists[0], yaml.SequenceNode) or lists[0].flow_style:
        hint = "Its list must be written as lines that begin with a hyphen; or name another file."
        raise UsageError(f"{file}: is not a plain list of cases, so nothing is added.", hint)
    return int(lists[0].start_mark.column)


def modeline(file: Path) -> str:
    """Returns the comment that tells editors where the schema is; empty if it is not on this disk."""
    try:
        beside = os.path.relpath(SCHEMA, file.resolve().parent) if SCHEMA.exists() else ""
    except ValueError:  # another drive
        beside = ""
    return f"# yaml-language-server: $schema={Path(beside).as_posix()}\n" if beside else ""


def check_appended(before: bytes, after: bytes, file: Path, id: str) -> None:
    """Raises UsageError unless there is exactly one case more, and what was there is there still."""
    earlier = parse_cases(before, file)
    try:
        now = parse_cases(after, file)
    except UsageError:
        now = []
    if id in [each.get("id") for each in earlier if isinstance(each, dict)]:
        raise UsageError(f"{file}: has a case {id!r} already.", "Choose another id.")
    if len(now) != len(earlier) + 1 or now[:-1] != earlier or now[-1].get("id") != id:
        raise UsageError(f"{file}: a case cannot be added at its end.", "Name another file: --file.")


def parse_cases(content: bytes, file: Path) -> list[dict[str, object]]:
    if not content.strip():
        return []
    text = content.decode("utf-8-sig")
    if file.suffix == ".jsonl":
        return [json.loads(each) for each in text.splitlines() if each.strip()]
    return list(yaml_file.loads(text, str(file))["cases"] or [])
