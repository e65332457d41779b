"""What happens when an EventBridge rule or a schedule fires: the event goes to each target, in order, on one thread.

A target that fails is logged, counted in CloudWatch and sent to its dead-letter queue, as on AWS. Nothing is tried
again, since nothing here fails for a moment only. Whoever put the event never hears of it.
"""

import json
import logging
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import time
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError
from moto.events.models import events_backends

from sluice.localaws.server.in_process_client import create_client
from sluice.localaws.server.lock import LOCK

log = logging.getLogger(__name__)
_deliveries = ThreadPoolExecutor(max_workers=1, thread_name_prefix="deliveries")

Event = Mapping[str, Any]
Target = Mapping[str, Any]


@dataclass(frozen=True)
class Origin:
    """The rule or schedule that fired, and where its failures are counted."""

    account: str
    region: str
    arn: str
    metric: tuple[str, str]  # AWS/Events, FailedInvocations
    dimension: tuple[str, str]  # RuleName, the rule


@dataclass(frozen=True)
class Address:
    kind: str  # pipeline, log group, queue, event bus
    region: str
    account: str
    name: str


ARN_PATTERNS = {
    "pipeline": r":sagemaker:([\w-]+):(\d{12}):pipeline/([\w.-]+)",
    "log group": r":logs:([\w-]+):(\d{12}):log-group:([^:*]+)(?::\*)?",
    "queue": r":sqs:([\w-]+):(\d{12}):([\w.-]+)",
    "event bus": r":events:([\w-]+):(\d{12}):event-bus/([\w./-]+)",
}


def parse_address(arn: str) -> Address | None:
    """Return the account, region and name in an ARN; None if the local AWS cannot deliver to it."""
    for kind, shape in ARN_PATTERNS.items():
        if match := re.fullmatch(r"arn:aws[\w-]*" + shape, arn):
            return Address(kind, *match.groups())
    return None


def send_event(origin: Origin, target: Target, event: Event) -> None:
    """Queue an event for delivery and return at once. A schedule's event is empty."""
    _deliveries.submit(_deliver, origin, target, event)


def settle() -> None:
    """Waits until everything sent before this call has arrived."""
    _deliveries.submit(lambda: None).result()


def _deliver(origin: Origin, target: Target, event: Event) -> None:
    to = parse_address(target["Arn"])
    assert to is not None, "refused when the target was put"
    try:
        DELIVER[to.kind](to, target, event, origin)
    except Exception as reason:  # a target fails in as many ways as its service; none may end the thread
        _report(origin, target, event, _describe_error(reason))


def _start_pipeline(to: Address, target: Target, event: Event, origin: Origin) -> None:
    sagemaker = create_client("sagemaker", to.account, to.region)
    parameters = build_pipeline_parameters(target, event)
    sagemaker.start_pipeline_execution(PipelineName=to.name, PipelineParameters=parameters)


def _write_log(to: Address, target: Target, event: Event, origin: Origin) -> None:
    logs, stream = create_client("logs", to.account, to.region), str(uuid4())
    line = {"timestamp": int(time() * 1000), "message": json.dumps(event)}
    logs.create_log_stream(logGroupName=to.name, logStreamName=stream)
    logs.put_log_events(logGroupName=to.name, logStreamName=stream, logEvents=[line])


def _send_message(to: Address, target: Target, event: Event, origin: Origin) -> None:
    group = target.get("SqsParameters", {}).get("MessageGroupId")
    _send_to_queue(to, build_message_body(target, event, origin.arn), **({"MessageGroupId": group} if group else {}))


def _forward(to: Address, target: Target, event: Event, origin: Origin) -> None:
    with LOCK:
        for rule in list(events_backends[to.account][to.region].describe_event_bus(to.name).rules.values()):
            rule.send_to_targets(dict(event))


DELIVER: dict[str, Callable[[Address, Target, Event, Origin], None]] = {
    "pipeline": _start_pipeline,
    "log group": _write_log,
    "queue": _send_message,
    "event bus": _forward,
}


def _send_to_queue(queue: Address, body: str, **more: Any) -> None:
    sqs = create_client("sqs", queue.account, queue.region)
    url = sqs.get_queue_url(QueueName=queue.name, QueueOwnerAWSAccountId=queue.account)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=body, **more)


def _describe_error(reason: Exception) -> str:
    if isinstance(reason, ClientError):
        return str(reason.response["Error"]["Message"])
    return str(reason) or type(reason).__name__


def _report(origin: Origin, target: Target, event: Event, why: str) -> None:
    log.error("%s could not deliver to %s: %s", origin.arn, target["Arn"], why)
    (namespace, name), (dimension, value) = origin.metric, origin.dimension
    point = {"MetricName": name, "Value": 1, "Unit": "Count", "Dimensions": [{"Name": dimension, "Value": value}]}
    create_client("cloudwatch", origin.account, origin.region).put_metric_data(Namespace=namespace, MetricData=[point])
    queue = parse_address(target.get("DeadLetterConfig", {}).get("Arn", ""))
    if queue is not None:
        attributes = {"RULE_ARN": origin.arn, "TARGET_ARN": target["Arn"], "ERROR_MESSAGE": why}
        _send_to_dead_letter_queue(queue, event, attributes)


def _send_to_dead_letter_queue(queue: Address, event: Event, why: Mapping[str, str]) -> None:
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in why.items()}
    try:
        _send_to_queue(queue, json.dumps(event), MessageAttributes=attributes)
    except ClientError as reason:
        log.error("dead-letter queue %s: %s", queue.name, _describe_error(reason))


def build_pipeline_parameters(target: Target, event: Event) -> list[dict[str, str]]:
    """List the parameters; a value that is a JSON path, such as `$.detail.ModelPackageArn`, is read from the event."""
    parameters = target.get("SageMakerPipelineParameters", {}).get("PipelineParameterList", [])
    return [{"Name": each["Name"], "Value": _dynamic(each["Value"], event)} for each in parameters]


def _dynamic(value: str, event: Event) -> str:
    if not event or not value.startswith("$."):
        return value
    selected = select_path(value, event)
    return selected if isinstance(selected, str) else json.dumps(selected)


def build_message_body(target: Target, event: Event, rule_arn: str) -> str:
    """What `Input`, `InputPath` or `InputTransformer` make of the event; the event itself without them."""
    if (constant := target.get("Input")) is not None:
        return str(constant)
    if (path := target.get("InputPath")) is not None:
        return json.dumps(select_path(path, event))
    if (transformer := target.get("InputTransformer")) is not None:
        return _transform(transformer, event, rule_arn)
    return json.dumps(event)


def _transform(transformer: Mapping[str, Any], event: Event, rule_arn: str) -> str:
    values = {name: select_path(path, event) for name, path in transformer.get("InputPathsMap", {}).items()}
    values |= {"aws.events.rule-arn": rule_arn, "aws.events.rule-name": rule_arn.rpartition("/")[2]}
    values |= {"aws.events.event": event, "aws.events.event.json": event}
    template = transformer["InputTemplate"]

    def fill(match: re.Match[str]) -> str:
        if match[1] not in values:
            return match[0]
        value = values[match[1]]
        quoted = len(re.findall(r'(?<!\\)"', template[: match.start()])) % 2 == 1
        if not quoted:
            return json.dumps(value)
        return json.dumps(value if isinstance(value, str) else json.dumps(value))[1:-1]

    return re.sub(r"<([\w.-]+)>", fill, template)


def select_path(path: str, event: Event) -> Any:
    """The value at a JSON path of the kind EventBridge takes: `$`, `$.detail.x`, `$.resources[0]`."""
    if not re.fullmatch(r"\$(\.[\w-]+|\[\d+\])*", path):
        raise ValueError(f"{path!r} is not a JSON path of names and positions, such as $.detail.x or $.resources[0]")
    value: Any = event
    for name, position in re.findall(r"\.([\w-]+)|\[(\d+)\]", path):
        try:
            value = value[name] if name else value[int(position)]
        except (KeyError, IndexError, TypeError):
            raise ValueError(f"the event has nothing at {path}") from None
    return value
