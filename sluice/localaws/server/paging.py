"""Pages of a list: the token names the last item seen, so that what is added in between disturbs nobody."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import TypeVar

from sluice.localaws.server.request_faults import Malformed

T = TypeVar("T")
DEFAULT_SIZE = 100


def take_page(
    items: Sequence[T], key: Callable[[T], str], token: str | None, size: int | None
) -> tuple[Sequence[T], str | None]:
    begin = _after(items, key, token) if token else 0
    end = begin + (size or DEFAULT_SIZE)
    more = end < len(items)
    return items[begin:end], urlsafe_b64encode(key(items[end - 1]).encode()).decode() if more else None


def _after(items: Sequence[T], key: Callable[[T], str], token: str) -> int:
    try:
        last_key = urlsafe_b64decode(token.encode()).decode()
        return next(index for index, item in enumerate(items, 1) if key(item) == last_key)
    except (ValueError, StopIteration):
        raise Malformed("NextToken is not from this list.") from None
