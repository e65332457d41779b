"""What SageMaker's lists have in common: filters by name and time, an order, and pages."""

from collections.abc import Mapping
from typing import Any

from moto.core.responses import ActionResult

from sluice.localaws.server.api_errors import ValidationError
from sluice.localaws.server.paging import take_page
from sluice.localaws.server.request_faults import Malformed

Json = dict[str, Any]


def matches_filters(request: Mapping[str, Any], name: str, moment: Any, times: str = "CreationTime") -> bool:
    """Apply the filters that most lists have. An empty name matches any filter by name."""
    after, before = request.get(f"{times}After"), request.get(f"{times}Before")
    return (
        (not name or (request.get("NameContains") or "").lower() in name.lower())
        and (after is None or moment > after.replace(tzinfo=None))
        and (before is None or moment < before.replace(tzinfo=None))
    )


def sort_items(request: Mapping[str, Any], items: list[Any], *, default: str = "Ascending", **keys: Any) -> list[Any]:
    descending = (request.get("SortOrder") or default) == "Descending"
    return sorted(items, key=keys[request.get("SortBy") or "CreationTime"], reverse=descending)


def build_page(
    request: Mapping[str, Any], items: list[Json], name: str, key: str, members: tuple[str, ...]
) -> ActionResult:
    """Build the answer of a list operation: one page of summaries, with the token of the next."""
    try:
        on_page, token = take_page(items, lambda each: each[key], request.get("NextToken"), request.get("MaxResults"))
    except Malformed as reason:
        raise ValidationError(str(reason)) from None
    summaries = [{member: each[member] for member in members if each.get(member) is not None} for each in on_page]
    return ActionResult({name: summaries} | ({"NextToken": token} if token else {}))


def sort_newest_first(request: Json, items: list[Json], name: str) -> list[Json]:
    """Sort by creation, unless the request says otherwise; `name` is the member that names an item."""
    return sort_items(
        request,
        items,
        default="Descending",
        Name=lambda each: each[name],
        CreationTime=lambda each: (each["CreationTime"], each[name]),
        Status=lambda each: (each.get("EndpointStatus", ""), each[name]),
    )
