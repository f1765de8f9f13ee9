"""Errors that existing programs catch: by our classes, by built-in ones, and by those of requests."""

import copy
import json
import pickle
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.gracedb import exceptions
from skykey.gracedb.exceptions import (
    BadRequestError,
    ForbiddenError,
    Gone,
    HTTPError,
    NotAuthenticatedError,
    NotFoundError,
    OutcomeUnknown,
    OverloadedError,
    RateLimitedError,
    as_theirs,
    is_ambiguous,
    unknown_outcome,
)
from skykey.gracedb.response import Response
from skykey.gracedb.said import said
from skykey.values.errors import (
    Forbidden,
    Interrupted,
    NotAuthenticated,
    NotFound,
    Overloaded,
    QueryError,
    RateLimited,
    Redirected,
    ServiceError,
    SkykeyError,
    TimedOut,
    TransportError,
    Unreachable,
)
from skykey.values.url import Url
from skykey.wire.request import Head, Request

URL = Url("https://gracedb.example/api/events/G1?x=1")


def answer(status: int = 404, body: str = '"Event not found."') -> Response:
    return Response(Head(status, {}, URL), body.encode())


@pytest.fixture
def without_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name.partition(".")[0] in {"requests", "urllib3"}:
            monkeypatch.delitem(sys.modules, name)


@pytest.fixture
def theirs() -> Iterator[ModuleType]:
    import requests.exceptions

    return requests.exceptions


# -- one class for each status


@pytest.mark.parametrize(
    ("status", "kinds"),
    [
        (400, [BadRequestError, QueryError]),
        (422, [BadRequestError, QueryError]),
        (401, [NotAuthenticatedError, NotAuthenticated]),
        (403, [ForbiddenError, Forbidden, PermissionError]),
        (404, [NotFoundError, NotFound, LookupError]),
        (410, [Gone, NotFoundError, NotFound]),
        (429, [RateLimitedError, RateLimited]),
        (502, [OverloadedError, Overloaded]),
        (503, [OverloadedError, Overloaded]),
        (504, [OverloadedError, Overloaded]),
        (409, [HTTPError]),
        (500, [HTTPError]),
    ],
)
def test_each_status_is_caught_by_every_class_that_fits(status: int, kinds: list[type[Any]]) -> None:
    error = HTTPError(answer(status))
    for kind in [*kinds, HTTPError, ServiceError, SkykeyError, OSError]:
        assert isinstance(error, kind)
    assert kinds[-1] in type(error).__mro__
    assert error.code == next((kind.code for kind in kinds if hasattr(kind, "code")), ServiceError.code)


def test_the_documented_attributes() -> None:
    response = answer()
    error = HTTPError(response)
    assert error.args == (response,)
    assert error.response is HTTPError(response=response).response is response
    assert (error.status_code, error.status, error.reason) == (404, 404, "Not Found")
    assert error.message == error.text == '"Event not found."'
    assert error.words == "Event not found."
    assert str(error) == (
        "https://gracedb.example/api/events/G1 answered 404 Not Found\nThe server said: Event not found."
    )


def test_any_object_with_the_documented_attributes_will_do() -> None:
    class Theirs:
        status_code, reason, text = 403, "Forbidden", "nope"

    error = HTTPError(Theirs())
    assert isinstance(error, ForbiddenError)
    assert "403 Forbidden" in str(error)
    assert str(HTTPError(None)).startswith("the server answered None")


@pytest.mark.parametrize("loaded", [False, True])
def test_a_pickle_and_a_copy_keep_all(loaded: bool, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("theirs" if loaded else "without_requests")
    error = HTTPError(answer(502), 3)
    error.doing, error.next = "asking", "wait"
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is type(error)
        assert (str(again), again.attempts, again.response.text) == (str(error), 3, error.text)


# -- as those of requests


def test_without_requests_nothing_of_it_is_loaded(without_requests: None) -> None:
    assert type(HTTPError(answer())) is NotFoundError
    assert type(as_theirs(Interrupted("x"))) is Interrupted
    assert "requests" not in sys.modules


def test_a_refusal_is_theirs_too(theirs: Any) -> None:
    with pytest.raises(theirs.HTTPError) as told:
        raise HTTPError(answer())
    assert isinstance(told.value, NotFoundError)
    assert told.value.response.status_code == 404
    assert told.value.args == (told.value.response,)


@pytest.mark.parametrize(
    ("problem", "name"),
    [
        (Interrupted("x"), "ConnectionError"),
        (Interrupted("x"), "ChunkedEncodingError"),
        (Unreachable("x"), "ConnectionError"),
        (Unreachable("the certificate of x is not trusted"), "SSLError"),
        (Unreachable("x cannot be reached ([SSL: WRONG_VERSION_NUMBER] wrong version number)"), "SSLError"),
        (Unreachable("the proxy refuses x"), "ProxyError"),
        (TimedOut("x"), "ReadTimeout"),
        (Redirected("x"), "TooManyRedirects"),
    ],
)
def test_other_failures_are_theirs_too(theirs: Any, problem: SkykeyError, name: str) -> None:
    ours = type(problem)
    problem.next = "do"
    problem = as_theirs(problem)
    assert isinstance(problem, getattr(theirs, name))
    assert isinstance(problem, ours)
    assert type(problem) is type(as_theirs(copy.copy(problem)))
    again = pickle.loads(pickle.dumps(problem))
    assert type(again) is type(problem)
    assert str(again) == str(problem)


@pytest.mark.parametrize(("status", "attempts"), [(502, 2), (503, 6), (408, 2), (409, 2)])
def test_a_program_that_waits_after_repeats_in_vain_goes_on_doing_so(theirs: Any, status: int, attempts: int) -> None:
    error = HTTPError(answer(status), attempts)
    for one in (error, copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert isinstance(one, theirs.RetryError)
        assert isinstance(one, theirs.HTTPError)
        assert (one.attempts, one.args) == (attempts, (one.response,))


@pytest.mark.parametrize(("status", "attempts"), [(502, 1), (404, 2), (429, 6)])
def test_what_was_not_repeated_in_vain_is_no_retry_error(theirs: Any, status: int, attempts: int) -> None:
    assert not isinstance(HTTPError(answer(status), attempts), theirs.RetryError)


@pytest.mark.parametrize(
    ("problem", "name"), [(Interrupted("x"), "ProtocolError"), (TimedOut("x"), "ReadTimeoutError")]
)
def test_a_program_that_reads_files_catches_what_it_caught(problem: SkykeyError, name: str) -> None:
    import urllib3.exceptions

    assert isinstance(as_theirs(problem), getattr(urllib3.exceptions, name))
    assert pickle.loads(pickle.dumps(as_theirs(problem))).message == "x"


def test_what_was_never_sent_is_a_connect_timeout(theirs: Any) -> None:
    problem = TimedOut("x")
    problem.unsent = True
    assert isinstance(as_theirs(problem), theirs.ConnectTimeout)


# -- ambiguous ends


def problem_of(kind: type[SkykeyError], **facts: Any) -> SkykeyError:
    problem = kind("it broke")
    for name, value in {"attempts": 1, **facts}.items():
        setattr(problem, name, value)
    return problem


@pytest.mark.parametrize(
    ("problem", "ambiguous"),
    [
        (problem_of(Interrupted), True),
        (problem_of(TimedOut), True),
        (problem_of(Unreachable, unsent=True), False),
        (problem_of(TimedOut, attempts=0), False),
        (problem_of(Overloaded, status=502), True),
        (problem_of(Overloaded, status=503), False),
        (problem_of(ServiceError, status=408), True),
        (problem_of(ServiceError, status=500), False),
        (problem_of(NotFound, status=404), False),
    ],
)
def test_which_ends_are_ambiguous(problem: SkykeyError, ambiguous: bool) -> None:
    assert is_ambiguous(problem) is ambiguous


@pytest.mark.parametrize("loaded", [False, True])
@pytest.mark.parametrize(
    ("cause", "response", "kinds"),
    [
        (problem_of(Interrupted), None, [TransportError, Interrupted, ConnectionError]),
        (problem_of(TimedOut), None, [TransportError, TimeoutError]),
        (problem_of(Overloaded, status=502), answer(502, "bad"), [HTTPError]),
    ],
)
def test_an_unknown_outcome_says_how_to_check(
    cause: SkykeyError, response: Any, kinds: list[type[Any]], loaded: bool, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue("theirs" if loaded else "without_requests")
    told = unknown_outcome(cause, response, Request("POST", URL), doing="adding a label", check="")
    for kind in [*kinds, OutcomeUnknown, SkykeyError, OSError]:
        assert isinstance(told, kind)
    assert not isinstance(told, Overloaded)  # whoever tries again after that would do it twice
    assert (told.code, told.exit_code) == ("outcome-unknown", 1)
    for one in (told, pickle.loads(pickle.dumps(told)), copy.copy(told)):
        assert type(one) is type(told)
        assert str(one).startswith("adding a label may have been done, or not: ")
        assert one.next == f"look before you send it again: client.get({str(URL)!r})"
        assert one.response is None or one.response.text == "bad"


def test_an_unknown_outcome_without_a_purpose_names_the_request() -> None:
    told = unknown_outcome(problem_of(Interrupted), None, Request("POST", URL), doing="", check="look there")
    assert told.summary == "the POST to https://gracedb.example/api/events/G1 may have been done, or not: it broke"
    assert told.next == "look before you send it again: look there"


# -- the server's own words


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('"Event not found."', "Event not found."),
        ('["a", "b", "a"]', "a; b"),
        ('{"error": "Invalid query"}', "Invalid query"),
        ('{"errors": ["field: * msg"]}', "field: * msg"),
        ('{"warnings": ["one", "two"]}', "one; two"),
        ('{"detail": "Not found."}', "Not found."),
        ('{"t_0": ["This field is required."], "category": ["no"]}', "t_0: This field is required.; category: no"),
        ('{"non_field_errors": ["no"]}', "no"),
        ('{"error":"invalid_query","message":"bad","path":"x","version":"2"}', "invalid query: bad"),
        ('{"status": 400, "code": "x", "message": "what happened"}', "what happened"),
        (json.dumps('{"warning": "twice"}'), "warning: twice"),
        ('"{}"', ""),
        ("{}", ""),
        ("", ""),
        ("null", ""),
        ("plain words\n of a gate", "plain words of a gate"),
        ("<html><head><title>403 &amp; out</title></head><body>x</body></html>", "403 & out"),
        ("<!DOCTYPE html><body><h1>Maintenance</h1>", "Maintenance"),
        ("<html><p>nothing</p></html>", ""),
        ("[" * 5000, "[" * 499 + "…"),
    ],
)
def test_words_are_found_in_every_shape(body: str, words: str) -> None:
    assert said(body) == words


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_no_document_breaks_the_reading(document: Any) -> None:
    found = said(json.dumps(document))
    assert len(found) <= 500
    assert found.isprintable()


@given(st.text())
def test_no_text_breaks_the_reading(text: str) -> None:
    assert said(text).isprintable()


def test_every_documented_name_is_there() -> None:
    assert {"HTTPError", "IgwnAuthError"} <= set(exceptions.__all__)
    assert all(hasattr(exceptions, name) for name in exceptions.__all__)
