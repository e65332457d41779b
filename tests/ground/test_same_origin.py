"""Which headers a browser's foreign page would send: the two doors, of the local AWS and of our own servers, agree."""

from collections.abc import Callable

import pytest

import sluice.localaws.same_origin
import sluice.same_origin

Door = Callable[..., str | None]
DOORS = [sluice.localaws.same_origin.explain_refusal, sluice.same_origin.explain_refusal]


@pytest.mark.parametrize("explain_refusal", DOORS, ids=["localaws", "lmi"])
@pytest.mark.parametrize(
    ("host", "origin"),
    [
        (None, None),
        ("127.0.0.1:4599", None),
        ("127.8.9.10", None),
        ("localhost", None),
        ("LocalHost.:80", None),
        ("bucket.localhost:4599", None),
        ("[::1]:4599", None),
        ("[::1]", None),
        ("127.0.0.1:4599", "http://127.0.0.1:4599"),
        ("localhost", "http://localhost:80"),
        ("localhost:443", "https://localhost"),
        ("[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_loopback_and_the_servers_own_pages_are_answered(
    explain_refusal: Door, host: str | None, origin: str | None
) -> None:
    assert explain_refusal(host, origin) is None


@pytest.mark.parametrize("explain_refusal", DOORS, ids=["localaws", "lmi"])
@pytest.mark.parametrize(
    ("host", "origin", "named"),
    [
        ("evil.example", None, "Host 'evil.example'"),
        ("evil.example:4599", "http://evil.example:4599", "Host"),  # rebinding: both agree, and are foreign
        ("127.0.0.1.evil.example", None, "Host"),
        ("localhost.evil.example", None, "Host"),
        ("evillocalhost", None, "Host"),
        ("128.0.0.1", None, "Host"),
        ("10.0.0.1", None, "Host"),
        ("0.0.0.0:4599", None, "Host"),
        ("[::2]", None, "Host"),
        ("", None, "Host ''"),
        ("localhost,evil.example", None, "Host"),
        ("user@127.0.0.1", None, "Host"),
        ("localhost/evil.example", None, "Host"),
        ("127.0.0.1:4599", "http://evil.example", "Origin 'http://evil.example'"),
        ("127.0.0.1:4599", "null", "Origin 'null'"),
        ("127.0.0.1:4599", "", "Origin ''"),
        ("127.0.0.1:4599", "http://127.0.0.1:3000", "Origin"),  # another program of this machine
        ("127.0.0.1:4599", "http://localhost:4599", "Origin"),
        ("127.0.0.1", "file://127.0.0.1", "Origin"),
        ("127.0.0.1", "chrome-extension://127.0.0.1", "Origin"),
        ("127.0.0.1", "http://127.0.0.1 http://127.0.0.1", "Origin"),
        (None, "http://127.0.0.1:4599", "Origin"),
    ],
)
def test_foreign_names_and_foreign_pages_are_refused_with_a_reason(
    explain_refusal: Door, host: str | None, origin: str | None, named: str
) -> None:
    why = explain_refusal(host, origin)
    assert why is not None and why.startswith(named)


@pytest.mark.parametrize("explain_refusal", DOORS, ids=["localaws", "lmi"])
def test_a_reason_repeats_little_of_a_header_and_nothing_that_moves_a_cursor(explain_refusal: Door) -> None:
    why = explain_refusal("\x1b[31m" + "x" * 10_000, None)
    assert why is not None and "\x1b" not in why and len(why) < 300


@pytest.mark.parametrize("explain_refusal", DOORS, ids=["localaws", "lmi"])
def test_a_name_that_is_served_is_answered_and_no_other(explain_refusal: Door) -> None:
    assert explain_refusal("Host.Docker.Internal:4599", None, ["host.docker.internal"]) is None
    assert explain_refusal("evil.host.docker.internal", None, ["host.docker.internal"])


@pytest.mark.parametrize("site", ["cross-site", "same-site", "Cross-Site", "anything"])
def test_the_local_aws_answers_no_image_or_link_of_a_page(site: str) -> None:
    why = sluice.localaws.same_origin.explain_refusal("127.0.0.1:4599", None, fetch_site=site)
    assert why is not None and why.startswith("Sec-Fetch-Site")
    assert sluice.localaws.same_origin.explain_refusal("127.0.0.1:4599", None, fetch_site="none") is None


def test_operators_list_names_addresses_and_networks() -> None:
    names = sluice.same_origin.read_served_names(" Chat.example.com, 10.0.0.0/16,fd00::/8 ,, 192.168.1.5")
    for host in ("chat.example.com", "chat.example.com:8443", "10.0.200.1:8000", "[fd00::17]", "192.168.1.5"):
        assert sluice.same_origin.explain_refusal(host, None, names) is None
    for host in ("example.com", "10.1.0.1", "[fe00::1]", "192.168.1.6"):
        assert sluice.same_origin.explain_refusal(host, None, names)


def test_a_page_under_a_served_name_may_ask_through_a_proxy_that_sends_another_host() -> None:
    served = ["chat.example.com"]
    assert sluice.same_origin.explain_refusal("127.0.0.1:8000", "https://chat.example.com", served) is None
    assert sluice.same_origin.explain_refusal("chat.example.com", "https://chat.example.com:443", served) is None
    assert sluice.same_origin.explain_refusal("127.0.0.1:8000", "https://chat.example.com:9999", served)


@pytest.mark.parametrize("text", ["chat.example.com:443", "https://chat.example.com", "*", "10.0.0.0/99", "a b"])
def test_what_is_no_name_address_or_network_is_no_list(text: str) -> None:
    with pytest.raises(ValueError):
        sluice.same_origin.read_served_names(text)
