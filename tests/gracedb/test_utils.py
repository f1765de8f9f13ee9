"""The documented helpers, as they answered when the documented client was asked."""

from typing import Any
from uuid import UUID

import pytest

from skykey.gracedb import utils
from skykey.gracedb.exceptions import NotFoundError


def test_content_id() -> None:
    assert utils.content_id(b"abc") == utils.content_id("abc") == UUID("ba7816bf-8f01-cfea-4141-40de5dae2223")


def test_a_method_is_told_what_it_was_given() -> None:
    class Probe:
        @utils.event_or_superevent
        def asked(self, object_id: str, *given: Any, **more: Any) -> Any:
            return object_id, given, more

    assert Probe().asked("G1", 5, x=1) == ("G1", (5,), {"x": 1, "is_superevent": False})
    assert Probe().asked("S1a") == ("S1a", (), {"is_superevent": True})
    assert Probe().asked(object_id="S1a") == ("S1a", (), {"is_superevent": True})


@pytest.mark.parametrize(("given", "made"), [(None, None), ("", ""), ([], []), ("a,b", ["a,b"]), (["a"], ["a"])])
def test_a_text_becomes_a_list(given: Any, made: Any) -> None:
    assert utils.handle_str_or_list_arg(given, "labels") == made


@pytest.mark.parametrize("given", [("a",), {"a"}, 1])
def test_anything_else_is_a_type_error(given: Any) -> None:
    with pytest.raises(TypeError, match="labels arg is"):
        utils.handle_str_or_list_arg(given, "labels")


def test_forms() -> None:
    assert utils.dict_to_form_encoded({"a": 1, "b": None, "c": [], "d": ["x", "y"]}) == [
        ("a", 1),
        ("b", None),
        ("d", "x"),
        ("d", "y"),
    ]


@pytest.mark.parametrize(
    ("name", "kind"), [("a.json", "application/json"), ("a", "application/octet-stream"), ("a.png", "image/png")]
)
def test_media_types(name: str, kind: str) -> None:
    assert utils.get_mimetype(name) == kind


def test_prefixes() -> None:
    assert utils.EVENT_PREFIXES == ["G", "E", "H", "M", "T"]
    assert utils.event_prefix_regex.match("G1")
    assert not utils.event_prefix_regex.match("GW1")


def test_hooks_for_sessions_of_another_library() -> None:
    class Theirs:
        status_code, reason, text, url = 404, "Not Found", '"no"', "https://a.example/x"

    response: Any = Theirs()
    utils.hook_response(response, timeout=1)
    assert response.status == 404
    with pytest.raises(NotFoundError):
        utils.raise_status_exception(response, timeout=1)
    response.status_code = 200
    utils.raise_status_exception(response)
