"""Kinds of values in pipeline.yaml: the schema shows their form as a pattern, an error says it in words."""

import os
import re
import zoneinfo
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, core_schema

from sluice import shipped
from sluice.config.validation_errors import quote_value
from sluice.wording import nearest

# A container argument and a job's environment value have at most 256 characters.
ARGUMENT_LENGTH = 256


class Section(BaseModel):
    """A part of the file: its keys are known, and nothing is taken for something else."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


@dataclass(frozen=True)
class Form:
    """A text that matches a pattern."""

    pattern: str
    words: str  # completes "must be ..."
    longest: int | None = None

    def check(self, value: str) -> str:
        if self.longest is not None and len(value) > self.longest:
            raise ValueError(f"has {len(value)} characters, but at most {self.longest} are allowed.")
        if not re.fullmatch(self.pattern, value):
            raise ValueError(f"must be {self.words}, not {quote_value(value)}.")
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler(core)
        schema["pattern"] = f"^(?:{self.pattern})$"
        if self.longest is not None:
            schema["maxLength"] = self.longest
        return schema


def resolve_path(value: object, info: ValidationInfo) -> object:
    """Returns the absolute path; a relative one is seen from the folder of pipeline.yaml, wherever the command runs."""
    if not isinstance(value, str):
        return value
    if not value or not value.isprintable():
        raise ValueError("must be the path of a file or folder.")
    if value.startswith(shipped.SCHEME):
        return find_shipped(value)
    return Path(os.path.abspath(Path((info.context or {}).get("folder", "."), value)))


def find_shipped(value: str) -> Path:
    """Returns the folder of a checkpoint that comes with Sluice, such as `shipped:good`."""
    if value.removeprefix(shipped.SCHEME) not in shipped.CHECKPOINTS:
        checkpoints = " or ".join(f"{shipped.SCHEME}{name}" for name in shipped.CHECKPOINTS)
        raise ValueError(f"must be {checkpoints}, or a folder, not {quote_value(value)}.")
    return shipped.find_checkpoint(value)


def resolve_source(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, str):
        return value
    if "://" not in value:
        return str(resolve_path(value, info))
    if not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[\w!.*'()/=+@:, -]*)?", value) or len(value) > 900:
        raise ValueError(
            f"must be a folder or an S3 prefix such as s3://bucket/models/name/, not {quote_value(value)}."
        )
    return value.rstrip("/") + "/"


SCHEDULE = re.compile(
    r"cron\((\S+ ){5}\S+\)"
    r"|rate\((1 (minute|hour|day)|([2-9]|[1-9][0-9]+) (minutes|hours|days))\)"
    r"|at\([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\)"
)


def check_schedule(value: str) -> str:
    """Raises ValueError for what is no EventBridge schedule; of the details the service has the last word."""
    if not SCHEDULE.fullmatch(value):
        forms = "cron(minutes hours day-of-month month day-of-week year), rate(12 hours) or at(2027-01-31T03:00:00)"
        raise ValueError(f"must be {forms}, not {quote_value(value)}.")
    if value.startswith("cron("):
        _, _, day_of_month, _, day_of_week, _ = value[5:-1].split(" ")
        if (day_of_month == "?") == (day_of_week == "?"):
            raise ValueError("cron needs a ? as day-of-month or as day-of-week, as in cron(0 3 ? * MON *).")
    return value


def check_time_zone(value: str) -> str:
    zones = list_time_zones()
    if zones and value not in zones:  # a machine without time zone data cannot tell
        near = nearest(value, zones)
        raise ValueError(f"is no time zone: {quote_value(value)}." + (f" Did you mean {near}?" if near else ""))
    return value


@cache
def list_time_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def check_scalar(value: object) -> object:
    if not isinstance(value, str | int | float):
        raise ValueError(f"must be a text, a number, true or false, not {quote_value(value)}.")
    if isinstance(value, str) and not value.isprintable():
        raise ValueError("must be one line of readable characters.")
    return value


ARN = r"arn:aws[a-z-]*"
HYPHENATED = r"[a-zA-Z0-9](-*[a-zA-Z0-9])*"
HYPHENATED_WORDS = "letters, digits and hyphens, with no hyphen at either end"
INSTANCE_SIZE = r"(nano|micro|small|medium|large|xlarge|[0-9]+xlarge|metal[a-z0-9-]*)"

AnyPath = Annotated[Path, BeforeValidator(resolve_path), WithJsonSchema({"type": "string"})]
Source = Annotated[str, BeforeValidator(resolve_source)]
Scalar = Annotated[Any, AfterValidator(check_scalar), WithJsonSchema({"type": ["string", "number", "boolean"]})]
Seconds = Annotated[int, Field(ge=60, le=3600)]
Expression = Annotated[str, AfterValidator(check_schedule)]
TimeZone = Annotated[str, AfterValidator(check_time_zone)]

# The longest names AWS takes, less what is appended: rules and schedules have 64 characters and end in -redeploy. Lower
# case, because a pipeline's ARN is, and a rule must name that ARN before there is a pipeline to ask.
ReleaseName = Annotated[
    str, Form(r"[a-z0-9](-*[a-z0-9])*", "lower-case letters, digits and hyphens, with no hyphen at either end", 55)
]
ResourceName = Annotated[str, Form(HYPHENATED, HYPHENATED_WORDS, 63)]
TableName = Annotated[str, Form(r"[a-zA-Z0-9_.-]{3,255}", "3 to 255 letters, digits, underscores, dots and hyphens")]
Region = Annotated[str, Form(r"[a-z]{2,4}(-[a-z]+)+-[0-9]", "a region such as us-east-1")]
InstanceType = Annotated[str, Form(rf"ml\.[a-z0-9-]+\.{INSTANCE_SIZE}", "an instance type such as ml.g5.xlarge", 32)]
ModelId = Annotated[
    str, Form(r"[a-zA-Z0-9_.-]+(/[a-zA-Z0-9_.-]+)?", "a model's id such as Qwen/Qwen3-4B-Instruct-2507", 200)
]
Image = Annotated[
    str,
    Form(
        r"[a-z0-9][a-z0-9._/-]*:(?!latest$)[a-zA-Z0-9_.-]+",
        "an image with its full tag such as djl-inference:0.35.0-lmi17.0.0-cu128",
        ARGUMENT_LENGTH,
    ),
]
Option = Annotated[str, Form(r"[A-Za-z_][A-Za-z0-9_]*", "the name of an LMI option", 100)]
Variable = Annotated[str, Form(r"[A-Za-z_][A-Za-z0-9_]*", "a variable's name", 100)]
VariableValue = Annotated[str, Form(r"[^\x00-\x1f\x7f]*", "one line of readable characters", ARGUMENT_LENGTH)]
MlflowUri = Annotated[
    str,
    Form(rf"{ARN}:sagemaker:\S+|https?://\S+|sqlite:///.+", "an MLflow server's ARN or URL", ARGUMENT_LENGTH),
]
RoleArn = Annotated[str, Form(rf"{ARN}:iam::[0-9]{{12}}:role/[a-zA-Z0-9_+=,.@/-]+", "a role's ARN", ARGUMENT_LENGTH)]
KmsKey = Annotated[str, Form(r"[a-zA-Z0-9:/_-]+", "a KMS key's ARN or id", ARGUMENT_LENGTH)]
Subnet = Annotated[str, Form(r"subnet-[0-9a-z]+", "a subnet's id, subnet-...", 32)]
SecurityGroup = Annotated[str, Form(r"sg-[0-9a-z]+", "a security group's id, sg-...", 32)]
Url = Annotated[str, Form(r"https?://\S+", "a URL such as http://127.0.0.1:11434", ARGUMENT_LENGTH)]
TagKey = Annotated[
    str, Form(r"(?!aws:)[\w .:/+@-]+", "letters, digits, blanks and . : / + - _ @, and not begin with aws:", 128)
]
TagValue = Annotated[str, Form(r"[\w .:/=+@-]*", "letters, digits, blanks and . : / = + - _ @", ARGUMENT_LENGTH)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]
Milliseconds = Annotated[float, Field(gt=0, le=3_600_000, allow_inf_nan=False)]
CaseTag = Annotated[str, Form(r"\S(?:[^\x00-\x1f\x7f]*\S)?", "a tag as cases have it, in one line", 100)]
PinnedModel = Annotated[
    str,
    Form(
        r"(?!.*[-:@]latest$)[a-zA-Z0-9][a-zA-Z0-9._:/@-]*",
        "the name of a model with its version, which `latest` is not",
        ARGUMENT_LENGTH,
    ),
]
SecretArn = Annotated[
    str, Form(rf"{ARN}:secretsmanager:[a-z0-9-]+:[0-9]{{12}}:secret:[a-zA-Z0-9/_+=.@-]+", "a secret's ARN", 2048)
]
Price = Annotated[float, Field(gt=0, le=10_000, allow_inf_nan=False)]
RuleCode = Annotated[str, Form(r"[A-Z]{3}[0-9]{3}", "a rule's code such as MEM004")]
Reason = Annotated[str, Form(r"\S.*", "the reason, in words", 500)]
