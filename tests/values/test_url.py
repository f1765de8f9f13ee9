"""URLs mean one thing to everybody, and look-alikes match nothing (row E4)."""

import pickle
import traceback
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skykey.values.errors import BadUrl, OutOfReach
from skykey.values.origin import Origin
from skykey.values.reach import Reach
from skykey.values.url import Url, segment
from tests.values.lookalikes import SITE, lookalikes

ROOT = Url(f"https://{SITE}")
REACH = Reach.named(ROOT, Url(f"https://{SITE}:8443/"), Url("http://127.0.0.1:8080"), said_by="the test")


def test_e4_no_look_alike_is_matched(capsys: pytest.CaptureFixture[str]) -> None:
    cases, matched, refused = lookalikes(), [], 0
    for text in cases:
        try:
            url = Url(text)
        except BadUrl:
            refused += 1
            continue
        if REACH.admits(url):
            matched.append(text)
    with capsys.disabled():
        print(f"\nE4: {len(cases)} look-alikes, {refused} refused, {len(matched)} matched")
    assert len(cases) >= 200
    assert matched == []


@pytest.mark.parametrize(
    "text",
    [
        f"https://{SITE}",
        f"HTTPS://{SITE.upper()}/",
        f"https://{SITE}.",
        f"https://{SITE}:443",
        f"https://{SITE}:0443/x",
        f"https://{SITE}/%2e%2e/..//",
        f"https://{SITE}?https://evil.test",
        f"https://{SITE}#@evil.test",
        f"https://{SITE}/@evil.test",
        f"https://{SITE}:8443/",
        "http://127.0.0.1:8080/a",
    ],
)
def test_the_site_itself_is_matched_in_all_its_spellings(text: str) -> None:
    """Or refusing everything would pass the test above."""
    assert REACH.admits(Url(text))


@given(st.text(st.sampled_from(f"{SITE}:/@\\?#[]%.-0123456789 \n\u0430\u200b"), max_size=40))
@settings(max_examples=400, database=None)
def test_e4_no_generated_text_reaches_the_site_by_another_name(text: str) -> None:
    try:
        url = Url(f"https://{text}")
    except BadUrl:
        return
    if REACH.admits(url):
        authority = text.partition("/")[0].partition("?")[0].partition("#")[0].lower()
        host, _, port = authority.removesuffix(".").partition(":")
        assert (host.removesuffix("."), int(port or 443)) in {(SITE, 443), (SITE, 8443)}


@given(st.text(max_size=30), st.text(max_size=30))
@settings(max_examples=300, database=None)
def test_a_url_that_is_read_again_is_the_same_url(host: str, rest: str) -> None:
    try:
        url = Url(f"https://{host}/{rest}")
    except BadUrl:
        return
    again = Url(str(url))
    assert again == url
    assert (again.origin, again.path, again.query) == (url.origin, url.path, url.query)
    assert url.isascii()
    assert str(url).startswith(f"{url.origin}/")


@given(st.text(st.sampled_from("abcz019.-_:[]@%/?#\\äß"), max_size=24))
@settings(max_examples=400, database=None)
def test_other_parsers_read_the_same_host_and_port(text: str) -> None:
    try:
        url = Url(f"https://{text}")
    except BadUrl:
        return
    theirs, standard = httpx.URL(str(url)), urlsplit(url)
    assert (theirs.raw_host.decode().strip("[]"), theirs.port or 443) == (url.host, url.port)
    assert (standard.hostname, standard.port or 443) == (url.host, url.port)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("HTTPS://Example.ORG.:443", "https://example.org/"),
        ("http://example.org:80/a b".replace(" ", "%20"), "http://example.org/a%20b"),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
        ("https://straße.example", "https://xn--strae-oqa.example/"),
        ("https://[2001:DB8:0:0:0:0:0:1]:443/", "https://[2001:db8::1]/"),
        ("https://example.org/?a=b c".replace(" ", "+"), "https://example.org/?a=b+c"),
        ("https://example.org/#fragment", "https://example.org/"),
        ("https://example.org:08443", "https://example.org:8443/"),
    ],
)
def test_equal_urls_are_equal_strings(text: str, normal: str) -> None:
    assert Url(text) == normal
    assert str(Url(text)) == normal
    assert Url(Url(text)) == normal


@pytest.mark.parametrize(
    "text",
    [
        "https://user:s3cr3t@host.example/",
        "https://user:s3cr3t@ex\u2100mple.test/",
        "https://user:s3cr3t/x@host.example/",
        "https://s3cr3t@",
        "https://user:s3cr3t@host\n",
        "ftp://user:s3cr3t@host/",
        "https://host:99999/?signature=s3cr3t",
        "https://host name/?token=s3cr3t",
    ],
)
def test_a_refused_url_does_not_show_its_password_or_signature(text: str) -> None:
    with pytest.raises(BadUrl) as caught:
        Url(text)
    assert "s3cr3t" not in str(caught.value)
    assert "s3cr3t" not in "".join(traceback.format_exception_only(caught.value))


@pytest.mark.parametrize("value", [b"https://example.org", None, 5, ["https://example.org"]])
def test_what_is_not_text_is_no_url(value: object) -> None:
    with pytest.raises(BadUrl, match="a URL is text"):
        Url(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("location", "where"),
    [
        ("/b", "https://a.example/b"),
        ("b", "https://a.example/x/b"),
        ("../b", "https://a.example/b"),
        ("?q=1", "https://a.example/x/y?q=1"),
        ("//evil.test/b", "https://evil.test/b"),
        ("HTTP://a.example/b", "http://a.example/b"),
        ("https://a.example:8443/", "https://a.example:8443/"),
    ],
)
def test_a_location_is_read_relative_to_where_it_came_from(location: str, where: str) -> None:
    assert Url("https://a.example/x/y").resolve(location) == where


@pytest.mark.parametrize(
    "location",
    [
        "\\\\evil.test",
        "/\\evil.test",
        "https:\n//evil.test",
        "javascript:alert(1)",
        "//u@evil.test",
        "//[::1]evil.test",
        "http://[",
        "//[canary",
        "https://[canary]:x/",
        "//a.example\u2100canary/",
    ],
)
def test_e1_an_ambiguous_location_is_refused(location: str) -> None:
    with pytest.raises(BadUrl) as caught:
        Url("https://a.example/x/y").resolve(location)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "below", ["api", "/api", "//evil.test/api", "@evil.test", ":8443", "https://evil.test", "../../x", "a?b#c"]
)
def test_appending_a_path_never_leaves_the_origin(below: str) -> None:
    base = Url("https://a.example/root/")
    assert (base / below).origin == base.origin
    assert (base / below).path.startswith("/root/")


def test_a_name_becomes_one_path_segment() -> None:
    assert segment("a/b?c#d%2f e") == "a%2Fb%3Fc%23d%252f%20e"
    for name in (".", ".."):
        with pytest.raises(BadUrl):
            segment(name)


def test_a_url_survives_pickling_with_its_parts() -> None:
    url = Url("https://example.org:8443/a?b=c")
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        arrived = pickle.loads(pickle.dumps(url, protocol))
        assert (arrived, arrived.origin, arrived.path, arrived.query) == (url, url.origin, "/a", "b=c")
    assert url.without_query() == "https://example.org:8443/a"


# -- reach: rows E5 and E8


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "[::1]", "localhost", "LOCALHOST."])
def test_e5_plain_http_to_a_loopback_address_that_the_user_named_is_allowed(host: str) -> None:
    url = Url(f"http://{host}:8080/")
    assert Reach.named(url, said_by="the user").admits(url)


@pytest.mark.parametrize(
    "host",
    [
        "example.org",
        "10.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "0.0.0.0",
        "[::]",
        "[fe80::1]",
        "localhost.example",
        "x.localhost",
        "127.0.0.1.nip.io",
    ],
)
def test_e5_plain_http_to_anywhere_else_is_refused(host: str) -> None:
    with pytest.raises(OutOfReach, match=r"plain http(.|\n)*Next: use https://"):
        Reach.named(Url("https://a.example"), Url(f"http://{host}/"), said_by="the user")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9999/", "http://localhost:8080/", "http://[::1]:8080/", "http://b.example/"]
)
def test_e8_plain_http_that_a_document_names_is_refused_loopback_included(url: str) -> None:
    within = Reach.named(Url("https://a.example"), Url("http://127.0.0.1:8080"), said_by="the user")
    with pytest.raises(OutOfReach, match=r"the document names .*, plain http at an origin that you did not name"):
        Reach.discovered(Url(url), within=within, said_by="the document")


def test_e8_a_derived_credential_is_bound_to_the_discovered_origin_alone() -> None:
    within = Reach.named(Url("https://a.example"), Url("http://127.0.0.1:8080"), said_by="the user")
    found = Reach.discovered(Url("https://b.example/influx"), within=within, said_by="the document")
    assert found.admits(Url("https://b.example/other"))
    assert not found.admits(Url("https://a.example/"))
    sandbox = Reach.discovered(Url("http://127.0.0.1:8080/influx"), within=within, said_by="the document")
    assert sandbox.admits(Url("http://127.0.0.1:8080/"))


def test_out_of_reach_names_the_credential_its_home_and_who_bound_it() -> None:
    with pytest.raises(OutOfReach) as caught:
        REACH.admit(Url("https://evil.test/?signature=s3cr3t"), what="the token")
    assert str(caught.value) == (
        f"the token is bound to http://127.0.0.1:8080, https://{SITE}, https://{SITE}:8443 (by the test)"
        " and does not go to https://evil.test"
    )


def test_an_empty_reach_reaches_nothing() -> None:
    assert not Reach(frozenset(), "nobody").admits(ROOT)


def test_an_origin_offers_no_comparison_but_equality() -> None:
    assert not {"startswith", "__contains__", "__lt__x"} & set(dir(Origin))
    with pytest.raises(TypeError):
        sorted([Origin("https", "a", 443), Origin("https", "b", 443)])  # type: ignore[type-var]
    assert str(Origin("https", "2001:db8::1", 8443)) == "https://[2001:db8::1]:8443"
