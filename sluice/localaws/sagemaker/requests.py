"""What an operation does first: check the request against the API's model, and put faults into AWS's words."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto.sagemaker.exceptions import ValidationError

from sluice.localaws.server import request_validation
from sluice.localaws.server.api_errors import NotImplementedLocally
from sluice.localaws.server.request_faults import Malformed, NotSupported


@contextmanager
def raise_api_errors() -> Iterator[None]:
    """Turn Malformed into a ValidationException (400), and NotSupported into NotImplementedLocally (501)."""
    try:
        yield
    except Malformed as fault:
        raise ValidationError(str(fault)) from None
    except NotSupported as fault:
        raise NotImplementedLocally(str(fault)) from None


def read_request(operation: str, request: dict[str, Any], refused: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return the members that are set, checked against the API's model; those in `refused` are not done here."""
    request = {name: value for name, value in request.items() if value is not None}
    with raise_api_errors():
        for name in sorted(refused & request.keys()):
            raise NotSupported(f"{name} of {operation}")
        request_validation.check_request(operation, request)
    return request
