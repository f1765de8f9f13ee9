"""Options are checked with the documented words, and mean what they say."""

from typing import Any

import pytest

from skykey.calls.call import Repeat
from skykey.gracedb.options import checked, timeouts_of
from skykey.values.errors import BadUrl, UsageError
from skykey.wire.request import Timeouts

URL = "https://gracedb.example/api/"


@pytest.mark.parametrize("given", [URL, URL.rstrip("/"), "HTTPS://Gracedb.Example:443/api"])
def test_a_slash_is_added(given: str) -> None:
    assert checked(given).service_url == URL


@pytest.mark.parametrize(
    ("version", "url"), [(None, URL), ("default", URL), ("", URL), ("v2", f"{URL}v2/"), ("a/b", f"{URL}a%2Fb/")]
)
def test_a_version_is_a_segment(version: str | None, url: str) -> None:
    assert checked(URL, api_version=version).versioned_url == url


@pytest.mark.parametrize("given", ["gracedb.example", "ftp://a.example/", f"{URL}?a=1", f"{URL}#x"])
def test_what_is_no_root_is_refused(given: str) -> None:
    with pytest.raises(BadUrl):
        checked(given)


@pytest.mark.parametrize("given", [2, ["v1"], b"v1"])
def test_a_version_is_text(given: Any) -> None:
    with pytest.raises(TypeError, match="api_version should be a string") as told:
        checked(URL, api_version=given)
    assert isinstance(told.value, UsageError)
    with pytest.raises(TypeError):
        checked(given)


@pytest.mark.parametrize("given", [-1, 1.5, "5", None])
def test_retries_are_counted(given: Any) -> None:
    with pytest.raises(ValueError, match="Invalid value of retries"):
        checked(URL, retries=given)


def test_true_is_one_retry() -> None:
    assert (checked(URL, retries=True).patience.repeats, checked(URL, retries=0).patience.repeats) == (1, 0)


@pytest.mark.parametrize("given", ["502", 502, {502: 1}])
def test_codes_are_a_list(given: Any) -> None:
    with pytest.raises(ValueError, match="retry_codes must be a list"):
        checked(URL, retry_codes=given)


@pytest.mark.parametrize("given", [[502], (502,), {502}])
def test_codes_may_be_any_collection(given: Any) -> None:
    assert checked(URL, retry_codes=given).patience.statuses == {429, 502}


def test_the_usual_patience() -> None:
    patience = checked(URL).patience
    assert (patience.repeats, patience.first, patience.longest, patience.shortens) == (5, 0.1, 30, True)
    assert patience.statuses == {408, 409, 429, 502, 503, 504}


@pytest.mark.parametrize("given", [-0.1, "1", float("nan"), True])
def test_a_factor_is_a_number(given: Any) -> None:
    with pytest.raises(ValueError, match="backoff_factor"):
        checked(URL, backoff_factor=given)


@pytest.mark.parametrize("given", ["GET", [1], True])
def test_verbs_are_a_list(given: Any) -> None:
    with pytest.raises(ValueError, match="allowed_methods"):
        checked(URL, allowed_methods=given)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (None, Timeouts(10, 60)),
        (5, Timeouts(5, 5)),
        ((1, 2.5), Timeouts(1, 2.5)),
        ((None, 3), Timeouts(10, 3)),
        ((3, None), Timeouts(3, 60)),
    ],
)
def test_time_limits(given: Any, read: Timeouts) -> None:
    assert checked(URL, timeout=given).timeouts == read


@pytest.mark.parametrize("given", [0, -1, "5", (1, 0), (1, 2, 3), float("nan")])
def test_what_is_no_time_limit_is_refused(given: Any) -> None:
    with pytest.raises(ValueError, match="timeout"):
        timeouts_of(given, Timeouts())


@pytest.mark.parametrize(
    ("verbs", "verb", "wanted", "repeat"),
    [
        (None, "GET", None, Repeat.SAFE),
        (None, "head", None, Repeat.SAFE),
        (None, "POST", None, Repeat.UNDONE),
        (None, "DELETE", None, Repeat.UNDONE),
        (None, "PUT", Repeat.SAFE, Repeat.SAFE),
        (None, "POST", Repeat.NEVER, Repeat.NEVER),
        (["GET"], "POST", None, Repeat.NEVER),
        (["GET"], "PUT", Repeat.SAFE, Repeat.NEVER),
        (["put"], "PUT", Repeat.UNDONE, Repeat.UNDONE),
        (["put"], "PUT", None, Repeat.SAFE),
        (["POST"], "GET", None, Repeat.NEVER),
        ([], "GET", None, Repeat.NEVER),
    ],
)
def test_what_is_sent_twice(verbs: Any, verb: str, wanted: Repeat | None, repeat: Repeat) -> None:
    assert checked(URL, allowed_methods=verbs).repeat_of(verb, wanted) is repeat
