"""To come."""

from collections.abc import Iterable, Mapping
from typing import Any

from localaws import refusal


def is_invocation(environ: Mapping[str, Any]) -> bool:
    return str(environ["PATH_INFO"]).startswith("/endpoints/") and refusal.service_of(environ) == "sagemaker"


def runtime(environ: Mapping[str, Any], start_response: Any) -> Iterable[bytes]:
    application: Iterable[bytes] = refusal.application("To come.")(environ, start_response)
    return application
