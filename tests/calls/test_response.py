"""Whole answers: what users of ``requests`` do with one, what a refusal keeps, and what is quoted nowhere."""

import asyncio
import copy
import json
import pickle
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.calls.call import Call, Repeat
from skykey.calls.response import Headers, NotJson, Response, Responses
from skykey.values.errors import Interrupted, NotFound, QueryError, Redirected, ServiceError, SkykeyError, Unreadable
from skykey.values.url import Url
from skykey.wire.request import Head, Request
from tests.wire.askers import Asker, AsyncAsker, renewable
from tests.wire.server import as_json, reply, serving

URL = Url("https://a.example/x?page=1")
CANARY = "canary-7f3a9c"


def response(content: bytes = b"", status: int = 200, **headers: str) -> Response:
    return Response(Head(status, {name.replace("_", "-"): value for name, value in headers.items()}, URL), content)


@pytest.fixture(params=["sync", "async"])
def perform(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    if request.param == "sync":
        return lambda call: Asker().ask(call)
    return lambda call: asyncio.run(AsyncAsker().ask(call))


def get(url: str, responses: Responses, **changes: Any) -> Call[Response]:
    return Call(Request("GET", Url(url)), responses, **changes)


# -- one answer


def test_status_and_url() -> None:
    answer = response(status=201)
    assert (answer.status_code, answer.status, answer.reason, answer.ok, bool(answer)) == (
        201,
        201,
        "Created",
        True,
        True,
    )
    assert answer.url == "https://a.example/x?page=1"
    assert response(status=599).reason == ""
    assert not response(status=404)
    assert response(status=304).ok


def test_headers_are_found_in_any_case() -> None:
    headers = response(content_type="text/plain", x_other="1").headers
    assert headers["Content-Type"] == headers["CONTENT-TYPE"] == headers.get("content-type") == "text/plain"
    assert "X-OTHER" in headers
    assert "y" not in headers
    assert headers.get("y") is None
    assert dict(headers) == {"content-type": "text/plain", "x-other": "1"}
    assert Headers({"A-b": "1"}) == Headers({"a-B": "1"})
    assert CANARY not in repr(Headers({"Set-Cookie": CANARY}))


@pytest.mark.parametrize(
    ("content", "content_type", "text"),
    [
        ("ä€".encode(), "application/json", "ä€"),
        ("ä".encode("latin-1"), "text/plain; charset=ISO-8859-1", "ä"),
        ("ä".encode("utf-16"), 'text/plain; Charset="utf-16"', "ä"),
        (b"\xe4", "text/plain", "\ufffd"),
        ("ä".encode(), "text/plain; charset=no-such", "ä"),
        ("ä".encode(), "text/plain; charset=rot13", "ä"),
        (b"x", "text/plain; charset=idna", "x"),
        (b"", "", ""),
    ],
)
def test_text_is_read_as_the_answer_says_and_never_fails(content: bytes, content_type: str, text: str) -> None:
    assert response(content, content_type=content_type).text == text


@given(st.binary(max_size=200), st.text(max_size=30))
def test_no_bytes_and_no_encoding_break_the_text(content: bytes, encoding: str) -> None:
    assert isinstance(response(content, content_type=f"text/plain; charset={encoding}").text, str)


def test_json() -> None:
    assert response(b'{"a": [1, 2.5]}').json() == {"a": [1, 2.5]}
    assert response(b"null").json() is None
    assert response(b"\xef\xbb\xbf[]").json() == []
    assert response(b"1.5").json(parse_float=str) == "1.5"


@pytest.mark.parametrize("content", [b"", b"<html>", b'{"password": "' + CANARY.encode(), b"\xff", b"[" * 200_000])
def test_what_is_not_json_is_the_error_that_programs_catch_and_quotes_nothing(content: bytes) -> None:
    with pytest.raises(NotJson, match=r"https://a\.example/x answered with something that is not JSON") as caught:
        response(content, status=202).json()
    problem = caught.value
    assert isinstance(problem, ValueError)
    assert isinstance(problem, json.JSONDecodeError)
    assert isinstance(problem, Unreadable)
    assert (problem.status, problem.doc, problem.__context__, problem.__cause__) == (202, "", None, None)
    assert CANARY not in f"{problem} {problem!r} {vars(problem)} {problem.args}"
    for twin in (copy.copy(problem), pickle.loads(pickle.dumps(problem))):
        assert (type(twin), str(twin), vars(twin)) == (NotJson, str(problem), vars(problem))


def test_a_fault_in_a_programs_own_hook_is_its_own() -> None:
    def hook(_: Any) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        response(b"{}").json(object_hook=hook)


@pytest.mark.parametrize(
    ("header", "links"),
    [
        ("", {}),
        ("</b?p=2>; rel=next", {"next": {"url": "/b?p=2", "rel": "next"}}),
        (
            '<https://a.example/2>; rel="next"; title="a, b; \\"c\\"", <x>;rel=prev',
            {
                "next": {"url": "https://a.example/2", "rel": "next", "title": 'a, b; "c"'},
                "prev": {"url": "x", "rel": "prev"},
            },
        ),
        ('<x>; rel="next last"', {"next": {"url": "x", "rel": "next last"}, "last": {"url": "x", "rel": "next last"}}),
        ("<x>; rel=a, <y>; rel=a", {"a": {"url": "x", "rel": "a"}}),
        ("<a,b>; REL=up", {"up": {"url": "a,b", "rel": "up"}}),
        ("<x>", {"x": {"url": "x"}}),
        ("<x>; title*=UTF-8'en'r%C3%A9sum%C3%A9; rel=a", {"a": {"url": "x", "title": "résumé", "rel": "a"}}),
        ("<x>; rel=a; crossorigin", {"a": {"url": "x", "rel": "a", "crossorigin": ""}}),
        ("nonsense, <", {}),
        ("<x>; rel='a\"", {}),
    ],
)
def test_links(header: str, links: dict[str, dict[str, str]]) -> None:
    assert response(link=header).links == links


WORD = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)


@given(st.dictionaries(WORD, st.tuples(WORD, st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=20))))
def test_links_that_were_written_are_read_back(pages: dict[str, tuple[str, str]]) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    header = ", ".join(f"</{url}>; rel={quoted(name)}; title={quoted(title)}" for name, (url, title) in pages.items())
    expected = {name: {"url": f"/{url}", "rel": name, "title": title} for name, (url, title) in pages.items()}
    if len(header) <= 8192:
        assert response(link=header).links == expected


@given(st.text())
def test_no_links_header_breaks_it(header: str) -> None:
    assert isinstance(response(link=header).links, dict)


@pytest.mark.parametrize("piece", ["<", '<>;"', "<>;a=", '<>;a="\\', " ", "<>;;,"])
def test_a_hostile_links_header_costs_little(piece: str, ceiling: Callable[[float], float]) -> None:
    begin = time.perf_counter()
    _ = response(link=piece * 100_000).links
    assert time.perf_counter() - begin <= ceiling(1.0)


def test_content_in_pieces() -> None:
    answer = response(b"abcde\r\nf\n")
    assert list(answer.iter_content(4)) == [b"abcd", b"e\r\nf", b"\n"]
    assert b"".join(answer.iter_content()) == b"".join(answer) == answer.content
    assert list(answer.iter_content(None)) == [answer.content]
    assert list(answer.iter_lines()) == [b"abcde", b"f"]
    assert list(response().iter_content(None)) == []
    for size in (0, -1):
        with pytest.raises(ValueError, match="at least one byte"):
            answer.iter_content(size)


def test_a_refusal_raises_when_it_is_asked_to() -> None:
    response(status=304).raise_for_status()
    with pytest.raises(NotFound, match=r"https://a\.example/x is not there") as caught:
        response(b'{"message": "no such page"}', 404, content_type="application/json").raise_for_status()
    assert (caught.value.words, caught.value.status) == ("no such page", 404)


@pytest.mark.parametrize(
    ("body", "content_type", "words"),
    [
        (
            '{"errors": [{"title": "Bad", "detail": "worse"}]}',
            "application/vnd.api+json",
            '{"errors": [{"title": "Bad"',
        ),
        ("plain", "text/plain", "plain"),
        ("<html>log in</html>", "text/html", None),
        ("", "text/plain", None),
    ],
)
def test_words_in_a_shape_that_nobody_knows_are_shown_as_they_are(
    body: str, content_type: str, words: str | None
) -> None:
    said = response(body.encode(), 400, content_type=content_type).refusal().words
    assert said == words if words is None else (said or "").startswith(words)


def test_an_answer_travels_and_shows_nothing() -> None:
    answer = response(CANARY.encode(), 404, set_cookie=CANARY)
    assert repr(answer) == "<Response [404]>"
    for twin in (copy.copy(answer), copy.deepcopy(answer), pickle.loads(pickle.dumps(answer))):
        assert (twin.status, twin.content, twin.headers, twin.url) == (404, answer.content, answer.headers, URL)


# -- calls


def test_a_success_is_read_whole(perform: Callable[[Any], Any]) -> None:
    with serving(lambda _: reply(200, b"x" * 200_000, Content_Type="text/plain")) as server:
        answer = perform(get(f"{server.url}/a?b=1", Responses()))
    assert (answer.status, answer.content, answer.url) == (200, b"x" * 200_000, f"{server.url}/a?b=1")


def test_a_cut_answer_is_none(perform: Callable[[Any], Any]) -> None:
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
    with serving(lambda _: iter([cut])) as server, pytest.raises(Interrupted):
        perform(get(server.url, Responses()))


def test_a_refusal_raises_and_is_there_as_an_answer(perform: Callable[[Any], Any]) -> None:
    responses = Responses()
    with serving(lambda _: as_json('{"message": "no", "id": 7}', 422, X_Id="a")) as server:
        with pytest.raises(QueryError) as caught:
            perform(get(f"{server.url}/a?b=1", responses))
        answer = responses.refused_with(caught.value)
    assert answer is not None
    assert (answer.status, answer.json(), answer.headers["x-id"]) == (422, {"message": "no", "id": 7}, "a")
    assert caught.value.words == "no"


def test_the_answer_of_an_earlier_attempt_is_not_taken_for_the_error_of_a_later_one(
    perform: Callable[[Any], Any],
) -> None:
    """The 401 that led to a replay says nothing about what became of the replay."""
    answers = [reply(401, "old"), reply(302, Location="https://foreign.example/")]
    responses = Responses()
    with serving(lambda _: answers.pop(0)) as server:
        keeper, _ = renewable(server.url)
        with pytest.raises(Redirected) as caught:
            perform(get(server.url, responses, auth=(keeper,)))
    assert responses.refused is not None
    assert responses.refused_with(caught.value) is None
    assert Responses().refused_with(caught.value) is None
    elsewhere = ServiceError("x", status=401, url="https://issuer.example/token")
    assert responses.refused_with(elsewhere) is None


def test_a_repeat_gives_its_own_answer(perform: Callable[[Any], Any]) -> None:
    answers = [reply(503, "busy", Retry_After="0"), reply(200, "done")]
    with serving(lambda _: answers.pop(0)) as server:
        assert perform(get(server.url, Responses(), repeat=Repeat.SAFE)).text == "done"


def test_an_answer_can_be_of_a_systems_own_kind(perform: Callable[[Any], Any]) -> None:
    class Own(Response):
        def refusal(self) -> ServiceError:
            return ServiceError("in our own words", status=self.status, url=self.url.without_query())

    responses = Responses(Own)
    with serving(lambda seen: reply(200 if seen.path == "/" else 400)) as server:
        assert type(perform(get(server.url, responses))) is Own
        with pytest.raises(QueryError):
            perform(get(f"{server.url}/x", responses))
    assert type(responses.refused) is Own
    with pytest.raises(SkykeyError, match="in our own words"):
        responses.refused.raise_for_status()
