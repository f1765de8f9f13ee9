"""The canary finds a secret however it is written and wherever it comes out, and nothing else (rows H1, H2)."""

import base64
import contextlib
import html
import json
import logging
import pickle
import pprint
import shlex
import sys
import urllib.parse
import uuid
import warnings
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.testing import Canary
from skykey.testing.displays import displays
from skykey.testing.spellings import bare, pieces, spellings

CANARY = Canary()
SECRETS = {name: getattr(CANARY, name) for name in ("jwt", "opaque", "refresh", "password")}


def coded(text: str, before: bytes = b"", after: bytes = b"") -> str:
    return base64.b64encode(before + text.encode() + after).decode()


WRITTEN: dict[str, Callable[[str], str | bytes]] = {
    "plain": str,
    "in a sentence": lambda text: f"token={text}, and so on",
    "bytes": str.encode,
    "utf-16": lambda text: text.encode("utf-16"),
    "upper case": str.upper,
    "reversed": lambda text: text[::-1],
    "hex": lambda text: text.encode().hex(),
    "hex with colons": lambda text: text.encode().hex(":").upper(),
    "repr": repr,
    "repr of bytes": lambda text: repr(text.encode()),
    "ascii": ascii,
    "json": lambda text: json.dumps({"a": [text]}),
    "json in json": lambda text: json.dumps(json.dumps(text)),
    "json, every letter": lambda text: "".join(f"\\u{ord(c):04X}" for c in text),
    "url": lambda text: "https://x.example/?t=" + urllib.parse.quote(text, safe=""),
    "form": lambda text: urllib.parse.urlencode({"token": text, "b": "c"}),
    "url, every letter": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "html": html.escape,
    "shell": shlex.quote,
    "base64": coded,
    "base64 behind one": lambda text: coded(text, b"u"),
    "base64 behind two": lambda text: coded(text, b"u:"),
    "base64 in between": lambda text: coded(text, b"user:", b"\n and more"),
    "base64url": lambda text: base64.urlsafe_b64encode(f"x{text}".encode()).decode().rstrip("="),
    "base64 in lines": lambda text: base64.encodebytes(f"user:{text}".encode()).decode(),
    "pretty": lambda text: pprint.pformat({"a": [text, text]}, width=8),
    "folded": lambda text: "\n".join(text[at : at + 11] for at in range(0, len(text), 11)),
    "coloured": lambda text: "".join(f"\x1b[31;1m{c}\x1b[0m" for c in text),
    "in a box": lambda text: f"│ {text[:13]} │\n│ {text[13:26]} │\n│ {text[26:]} │",
    "pickled": pickle.dumps,
    "pickled as text": lambda text: pickle.dumps(text, 0),
    "half of it": lambda text: text[: len(text) // 2] if len(text) < 100 else text[-150:],
    "the end of it": lambda text: text[-26:],
}


@pytest.mark.parametrize("how", WRITTEN)
@pytest.mark.parametrize("name", SECRETS)
def test_h2_every_spelling_is_found(name: str, how: str) -> None:
    found = CANARY.hits(WRITTEN[how](SECRETS[name]))
    assert any(hit.startswith(f"{name}, ") for hit in found)
    assert not any(SECRETS[name] in hit for hit in found)


@given(st.sampled_from(["opaque", "refresh"]), st.binary(max_size=5), st.binary(max_size=5))
def test_h2_base64_is_found_whatever_stands_around(name: str, before: bytes, after: bytes) -> None:
    assert any(hit.startswith(f"{name}, base64") for hit in CANARY.hits(coded(SECRETS[name], before, after)))


@given(st.integers(0, 29), st.integers(19, 48))
def test_h2_nineteen_letters_in_a_row_are_found(start: int, length: int) -> None:
    part = CANARY.refresh[3:][start : start + length]
    assert (CANARY.hits(part) != []) or len(part) < 19


@given(st.text(max_size=300) | st.binary(max_size=300))
def test_nothing_else_is_found(text: str | bytes) -> None:
    assert CANARY.hits(text) == []


def test_what_may_be_shown_is_not_found() -> None:
    header, payload, _ = CANARY.jwt.split(".")
    claims = base64.urlsafe_b64decode(payload + "==").decode()
    for text in (header, payload, claims, f"{len(CANARY.opaque)} characters, #1f3a", repr(CANARY), "canary", __file__):
        assert CANARY.hits(text) == []
    for other in (Canary(), Canary()):
        assert all(CANARY.hits(getattr(other, name)) == [] for name in SECRETS)
    assert CANARY.hits("".join(uuid.uuid4().hex for _ in range(2000))) == []


def test_the_secrets_look_like_what_they_play() -> None:
    header, payload, signature = CANARY.jwt.split(".")
    assert json.loads(base64.urlsafe_b64decode(header + "=="))["alg"] == "RS256"
    assert json.loads(base64.urlsafe_b64decode(payload + "=="))["sub"] == "canary"
    assert len(signature) == 342
    assert CANARY.opaque.startswith("gt-")
    assert CANARY.opaque.count(".") == 1
    assert set("é \"'\\/%+&<") <= set(CANARY.password)


def test_a_secret_of_ones_own_is_looked_for_too() -> None:
    canary = Canary.of("my-own-secret-0815")
    canary.add("another", "another-secret-4711")
    assert canary.hits("x my-own-secret-0815 y") == ["number 1, plain"]
    assert canary.hits(coded("u:another-secret-4711")) == ["another, base64 at offset 2"]
    for short in ("", "secret", "a-b-c-d-e", "......................"):
        with pytest.raises(ValueError, match="too short to be looked for"):
            canary.add("short", short)


def test_spellings_of_one_secret_are_not_told_twice() -> None:
    assert CANARY.hits(CANARY.opaque) == ["opaque, plain"]
    assert {how for how, _ in spellings("x" * 20)} >= {"plain", "reversed", "hexadecimal", "base64 at offset 2"}
    assert pieces("ab") == frozenset()
    assert bare("\x1b[1mA-b_C\n") == "abc"


# -- the watch


def caught(leak: Callable[[Canary], object]) -> list[str]:
    with Canary() as canary:
        leak(canary)
    found = canary.findings()
    if found:
        with pytest.raises(AssertionError, match="leaked: ") as problem:
            canary.check()
        assert canary.hits(str(problem.value)) == []
    return found


def loud(canary: Canary) -> None:
    logging.getLogger("somebody").debug("sending %s", {"Authorization": f"Bearer {canary.opaque}"})


def split(canary: Canary) -> None:
    """One token over two records, with a third of somebody else in between."""
    logger = logging.getLogger("somebody")
    logger.info("token: %s", canary.opaque[:24])
    logging.getLogger("somebody.else").info("something")
    logger.info(canary.opaque[24:])


def in_pieces(canary: Canary) -> None:
    """Eight letters a record: no record alone shows enough."""
    for at in range(0, 48, 8):
        logging.getLogger("somebody").debug(canary.refresh[at : at + 8])


def quiet_logger(canary: Canary) -> None:
    logger = logging.getLogger("quiet")
    logger.setLevel(logging.CRITICAL)
    logger.propagate, logger.disabled = False, True
    with canary:
        logger.debug(canary.jwt)
    logger.propagate, logger.disabled = True, False


def with_extras(canary: Canary) -> None:
    logging.getLogger("somebody").debug("sent", extra={"headers": canary.refresh})


def with_traceback(canary: Canary) -> None:
    try:
        {}[canary.password]
    except LookupError:
        logging.getLogger("somebody").exception("failed")


def wrong_arguments(canary: Canary) -> None:
    with contextlib.suppress(TypeError):  # pytest's own handler raises it
        logging.getLogger("somebody").debug("%s %s", *[canary.opaque])


def old(canary: Canary) -> None:
    warnings.warn(f"{canary.opaque} is old", DeprecationWarning, stacklevel=1)


LEAKS: dict[str, Callable[[Canary], object]] = {
    "print": lambda canary: print(canary.opaque),
    "print in halves": lambda canary: (print(canary.refresh[:25]), print(canary.refresh[25:])),
    "stderr": lambda canary: sys.stderr.write(coded(canary.password)),
    "bytes": lambda canary: sys.stdout.buffer.write(canary.jwt.encode()),
    "warning": old,
    "debug": loud,
    "split over two records": split,
    "split over six records": in_pieces,
    "quiet logger": quiet_logger,
    "extras": with_extras,
    "traceback in the log": with_traceback,
    "wrong arguments": wrong_arguments,
    "noted": lambda canary: canary.note("a file", canary.opaque.encode()),
}


@pytest.mark.filterwarnings("ignore:gt-")
@pytest.mark.parametrize("how", LEAKS)
def test_h1_every_way_out_is_watched(how: str) -> None:
    assert caught(LEAKS[how]) != []


def test_h1_a_program_that_shows_nothing_is_not_blamed() -> None:
    def careful(canary: Canary) -> None:
        print("a token of 48 characters")
        logging.getLogger("careful").debug("sent %d bytes", len(canary.jwt))
        canary.note("a file", b"\x00\x01")

    assert caught(careful) == []


def test_a_warning_is_still_an_error_outside() -> None:
    with pytest.raises(DeprecationWarning, match="old"), Canary():
        warnings.warn("old", DeprecationWarning, stacklevel=1)


def test_everything_is_put_back() -> None:
    logger = logging.getLogger("mine")
    logger.setLevel(logging.ERROR)
    logger.propagate = False
    logging.disable(logging.INFO)
    before = sys.stdout, sys.stderr, list(logging.getLogger().handlers), logging.getLogger().level
    with pytest.raises(RuntimeError), Canary():
        raise RuntimeError
    assert (sys.stdout, sys.stderr, list(logging.getLogger().handlers), logging.getLogger().level) == before
    assert (logger.level, logger.propagate, logging.root.manager.disable) == (logging.ERROR, False, logging.INFO)
    logging.disable(logging.NOTSET)


def test_h1_errors_are_looked_into_with_their_frames() -> None:
    def inner(canary: Canary) -> None:
        hidden = canary.opaque
        raise LookupError(len(hidden))

    def outer(canary: Canary) -> None:
        try:
            inner(canary)
        except LookupError:
            raise RuntimeError("no words") from None

    canary = Canary()
    with pytest.raises(RuntimeError) as problem:
        outer(canary)
    canary.note_error("the error", problem.value)
    assert any("test_canary.py" in found and "opaque" in found for found in canary.findings())
    canary.forget()
    canary.note_error("the error", problem.value, inside="/skykey/")
    assert canary.findings() == []
    for carrier in (RuntimeError(canary.jwt), KeyError("x"), ExceptionGroup("x", [ValueError(canary.jwt)])):
        carrier.add_note(canary.jwt[-40:])
        canary.forget()
        canary.note_error("x", carrier)
        assert canary.findings() != []


def test_a_value_is_looked_at_in_every_usual_way() -> None:
    class Careless:
        def __init__(self, text: str) -> None:
            self.text = text

    canary = Canary()
    assert {"vars", "dict", "members", "pickle 5"} & set(canary.shown_by(Careless(canary.opaque)))
    assert {"repr", "str", "json", "%s", "logging", "traceback"} <= set(canary.shown_by(canary.opaque))
    assert canary.shown_by(object()) == []
    assert set(displays(5)) >= {"repr", "asdict", "pprint"}


def test_the_count_of_outputs_is_told() -> None:
    with Canary() as canary:
        print("a")
        logging.getLogger("one").debug("b")
        logging.getLogger("two").debug("c")
    assert canary.check() == 6  # stdout, two records, those of each logger together, all together


def naive_search(canary: Canary, shown: str) -> bool:
    return canary.opaque in shown


def test_h2_a_naive_search_misses_what_this_one_finds() -> None:
    missed = [how for how, write in WRITTEN.items() if not naive_search(CANARY, str(write(CANARY.opaque)))]
    print(f"H2: of {len(WRITTEN)} spellings a search for the text itself misses {len(missed)}")
    assert len(missed) > 15
