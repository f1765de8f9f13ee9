"""Each error keeps its words when it is copied (one for each waiter) or sent to another process."""

import copy
import inspect
import pickle

import pytest

import skykey.values.errors as module
from skykey.credentials.ticket import own_copy
from skykey.values.errors import BadUrl, MissingExtra, ServiceError, SkykeyError, UnknownName

CLASSES = [kind for _, kind in inspect.getmembers(module, inspect.isclass) if issubclass(kind, SkykeyError)]
BUILT_IN = {
    "UsageError": ValueError,
    "UnknownName": KeyError,
    "TransportError": ConnectionError,
    "TimedOut": TimeoutError,
    "Forbidden": PermissionError,
    "NotFound": LookupError,
    "MissingExtra": ImportError,
}


def made(kind: type[SkykeyError]) -> SkykeyError:
    if issubclass(kind, ServiceError):
        return kind("it went wrong", words="no", next="mend it", status=418, url="https://a.example/")
    if issubclass(kind, BadUrl):
        return kind("it went wrong", next="mend it")
    return kind("it went wrong", words="no", next="mend it")


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_says_what_happened_in_whose_words_and_what_to_do_next(kind: type[SkykeyError]) -> None:
    said = str(made(kind)).splitlines()
    assert said[0] == "it went wrong"
    assert said[-1] == "Next: mend it"
    assert kind is BadUrl or said[1] == "The server said: no"


@pytest.mark.parametrize(
    "how", [copy.copy, own_copy, lambda e: pickle.loads(pickle.dumps(e))], ids=["copy", "own", "pickle"]
)
@pytest.mark.parametrize("kind", CLASSES)
def test_a_copied_error_is_another_object_that_says_the_same(kind: type[SkykeyError], how: object) -> None:
    original = made(kind)
    twin = how(original)  # type: ignore[operator]
    assert twin is not original
    assert type(twin) is kind
    assert str(twin) == str(original)
    assert vars(twin) == vars(original)


@pytest.mark.parametrize("name", BUILT_IN)
def test_programs_that_catch_built_in_classes_still_do(name: str) -> None:
    assert issubclass(getattr(module, name), BUILT_IN[name])


def test_codes_are_stable_names_and_each_has_one_class() -> None:
    codes = [kind.code for kind in CLASSES]
    assert len(set(codes)) == len(codes)
    assert all(code == code.lower() and " " not in code for code in codes)
    assert {kind.exit_code for kind in CLASSES} <= {1, 2, 4, 8}


def test_a_missing_extra_names_the_command() -> None:
    assert str(MissingExtra.of("rubin", "a table")).endswith("Next: pip install 'skykey[rubin]'")


def test_a_key_error_of_ours_does_not_show_itself_in_quotes() -> None:
    assert str(UnknownName("no topic 'x'")) == "no topic 'x'"
