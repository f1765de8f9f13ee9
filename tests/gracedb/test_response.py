"""Answers have both faces: that of requests, and that of a file."""

import copy
import io
import json
import pickle
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from skykey.gracedb.exceptions import HTTPError, NotFoundError
from skykey.gracedb.response import Response, Sent, finished
from skykey.values.secret import Secret
from skykey.values.url import Url
from skykey.wire.request import Head, Request

URL = Url("https://gracedb.example/api/x?a=1")


def answer(content: bytes = b'{"a": 1}', status: int = 200, **headers: str) -> Response:
    return Response(Head(status, {name.replace("_", "-"): value for name, value in headers.items()}, URL), content)


@pytest.mark.parametrize("status", [200, 202, 204])
def test_an_empty_answer_is_no_json(status: int) -> None:
    import requests

    with pytest.raises(requests.exceptions.JSONDecodeError, match="without a body") as told:
        answer(b"", status).json()
    assert isinstance(told.value, json.JSONDecodeError | ValueError)
    assert str(status) in str(told.value)


def test_json_that_is_none_is_not_quoted() -> None:
    with pytest.raises(json.JSONDecodeError) as told:
        answer(b"password-canary").json()
    assert "canary" not in f"{told.value} {told.value.__dict__} {told.value.__context__!r}"
    assert answer().json() == {"a": 1}


def test_an_encoding_may_be_set() -> None:
    response = answer("ä".encode("latin-1"))
    assert response.text == "\ufffd"
    response.encoding = "latin-1"
    assert (response.text, response.encoding) == ("ä", "latin-1")
    assert list(response.iter_content(1, decode_unicode=True)) == ["ä"]
    assert list(answer("äö".encode()).iter_content(1, decode_unicode=True)) == ["ä", "ö"]
    broken = answer(b"a")
    broken.encoding = "none-such"
    assert list(broken.iter_content(1, decode_unicode=True)) == ["a"]


def test_lines() -> None:
    response = answer(b"a\r\nb;c\n")
    assert list(response.iter_lines()) == [b"a", b"b;c"]
    assert list(response.iter_lines(10, decode_unicode=True)) == ["a", "b;c"]
    assert list(response.iter_lines(delimiter=b";")) == [b"a\r\nb", b"c\n"]
    assert list(answer(b"a;b;").iter_lines(delimiter=b";")) == [b"a", b"b"]
    assert list(response.iter_content(4)) == [b"a\r\nb", b";c\n"]


def test_a_refusal_raises_the_documented_error() -> None:
    answer().raise_for_status()
    with pytest.raises(NotFoundError) as told:
        answer(b'"no"', 404).raise_for_status()
    assert isinstance(told.value, HTTPError)
    assert told.value.response.text == '"no"'


def test_it_is_read_like_a_file(tmp_path: Path) -> None:
    response = answer(b"0123456789")
    assert response.readable()
    assert response.read(3) == b"012"
    assert list(response.stream(4)) == [b"3456", b"789"]
    assert response.read() == b""
    assert response.content == response.data == b"0123456789"
    into = io.BytesIO()
    shutil.copyfileobj(answer(b"abc"), into)
    assert into.getvalue() == b"abc"
    target = tmp_path / "file"
    target.write_text("old")
    assert response.save(target) == target
    assert target.read_bytes() == b"0123456789"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_block_and_a_pickle() -> None:
    with answer(b"ab", 201, location="https://x.example/") as response:
        response.encoding = "latin-1"
        finished(response, Sent("GET", URL, {"accept": "*/*"}), 1.5)
        response.read(1)
    for again in (pickle.loads(pickle.dumps(response)), copy.copy(response), copy.deepcopy(response)):
        assert (again.status_code, again.content, again.encoding, again.url) == (201, b"ab", "latin-1", URL)
        assert again.elapsed == timedelta(seconds=1.5)
        assert (again.request.method, again.headers["Location"]) == ("GET", "https://x.example/")
        assert again.read() == b"ab"


def test_what_requests_users_look_at() -> None:
    response = answer(b"", 302, location="/y")
    assert (response.history, response.cookies, response.is_redirect) == ([], {}, True)
    assert not answer().is_redirect
    assert answer(link='<https://x.example/2>; rel="next"').links["next"]["url"] == "https://x.example/2"


def test_what_was_sent_is_told_without_secrets() -> None:
    headers: Any = (("Authorization", Secret("token-canary")), ("Accept", "*/*"))
    sent = Sent.of(Request("POST", URL, headers, Secret("body-canary")))
    assert "canary" not in f"{sent!r} {vars(sent)}"
    assert sent.headers["ACCEPT"] == "*/*"
    assert (sent.body, sent.path_url) == (None, "/api/x?a=1")
