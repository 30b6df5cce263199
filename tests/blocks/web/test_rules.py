import ipaddress

import pytest

from blocks.errors import BadInput, Forbidden
from blocks.web.reaching import is_public, may_reach
from blocks.web.rules import address_of, allowed, joined, rules_of

RULES = rules_of("docs.python.org, *.example.org, wiki.internal:8080,")


@pytest.mark.parametrize(
    "url",
    [
        "https://docs.python.org/3/",
        "HTTPS://DOCS.python.org:443/3/",
        "https://docs.python.org./3/",
        "https://a.example.org/",
        "https://a.b.example.org/?q=1#part",
        "http://wiki.internal:8080/page",
        "https://wiki.internal:8080/page",
    ],
)
def test_what_a_rule_names_is_allowed(url: str):
    """A host by https, those beneath one, or a host with its port."""
    assert allowed(address_of(url), RULES).private == ("wiki" in url)


@pytest.mark.parametrize(
    "url",
    [
        "http://docs.python.org/",
        "https://docs.python.org:8443/",
        "https://docs.python.org.evil.net/",
        "https://evil-docs.python.org/",
        "https://example.org/",
        "https://badexample.org/",
        "http://a.example.org/",
        "https://wiki.internal/",
        "https://a.wiki.internal:8080/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://evil.net/docs.python.org/",
        "https://evil.net?docs.python.org",
        "https://evil.net#docs.python.org",
    ],
)
def test_what_no_rule_names_is_not(url: str):
    """Neither by another scheme or port, nor by a name that only looks like it."""
    with pytest.raises(Forbidden, match="has not allowed it"):
        allowed(address_of(url), RULES)


@pytest.mark.parametrize(
    "url",
    [
        "docs.python.org",
        "ftp://docs.python.org/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://docs.python.org@evil.net/",
        "https://user:password@docs.python.org/",
        "https://docs.python.org\\@evil.net/",
        "https://docs.python.org /",
        "https://docs.python.org\r\nHost: evil.net/",
        "https://docs.pyth\u2024on.org/",
        "https://",
        "https:///path",
        "https://docs.python.org/" + "a" * 3_000,
    ],
)
def test_what_is_no_plain_address_is_refused(url: str):
    """Programs disagree on how to read such a thing, so nobody is asked."""
    with pytest.raises((BadInput, Forbidden)):
        allowed(address_of(url), RULES)


def test_a_redirect_is_read_from_where_it_was_given():
    """A path stays on the host; another host has to be allowed itself."""
    base = address_of("https://docs.python.org/3/")

    assert joined(base, "../2/").url == "https://docs.python.org/2/"
    assert joined(base, "//evil.net/").host == "evil.net"
    with pytest.raises(BadInput):
        joined(base, "javascript:alert(1)")


@pytest.mark.parametrize(
    "text", ["https://a.org", "*", "a b", "a.org:99999", "a.org/path", "*.*.org", ".org"]
)
def test_a_rule_that_is_none_is_an_error(text: str):
    """A list that is misread would open more, or less, than was meant."""
    with pytest.raises(BadInput, match="is no site"):
        rules_of(text)


@pytest.mark.parametrize(
    "text",
    [
        *("127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1"),
        *("169.254.169.254", "192.0.0.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
        *("::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "fec0::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1"),
        *("2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:0:7f00:1::1"),
    ],
)
def test_private_addresses_are_known_in_every_notation(text: str):
    """Also when one address carries another one in it."""
    assert not is_public(ipaddress.ip_address(text))
    assert not may_reach(ipaddress.ip_address(text), private=False)


@pytest.mark.parametrize(
    "text", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "2002:101:101::"]
)
def test_public_addresses_are_reached(text: str):
    """The open internet stays open to sites that are allowed."""
    assert may_reach(ipaddress.ip_address(text), private=False)


@pytest.mark.parametrize(
    ("text", "reached"),
    [
        ("10.1.2.3", True),
        ("127.0.0.1", True),
        ("fc00::1", True),
        ("169.254.169.254", False),
        ("::ffff:169.254.169.254", False),
        ("fd00:ec2::254", False),
        ("fe80::1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
    ],
)
def test_a_named_private_host_is_reached_but_never_a_clouds_secrets(text: str, reached: bool):
    """What the operator names by host and port may be inside of the network; metadata services never are."""
    assert may_reach(ipaddress.ip_address(text), private=True) is reached
