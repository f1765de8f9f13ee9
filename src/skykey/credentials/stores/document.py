"""What a store writes down: a `Held` as a JSON document, and back. The only place in stores where secrets open."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from skykey.credentials.credential import Basic, Bearer, Credential
from skykey.credentials.held import Held
from skykey.credentials.stores.content import sealed
from skykey.values.errors import BadUrl, UsageError
from skykey.values.life import Life
from skykey.values.reach import Reach
from skykey.values.secret import Secret
from skykey.values.url import Url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from skykey.credentials.stores.content import Content
    from skykey.values.origin import Origin

VERSION: Final = 1
"""Of the format. It counts up when an older Skykey would misread a document; fields that it may ignore are added."""

MOST: Final = 2**20
"""Bytes of a document. Tokens are short: whatever is larger was not written here."""

_FORMAT: Final = "skykey"
_BEYOND: Final = 2.0**1000  # an integer of JSON may be too large for a float
_COMMON: Final = frozenset(
    {_FORMAT, "kind", "source", "generation", "renewal", "reach", "life", "identity", "facts"},
)
_NESTED: Final = {"reach": ("origins", "said_by"), "life": ("born", "ends", "look_again")}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What is there is no document that this version understands.

    Parameters
    ----------
    reason
        Why, without a word of it.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class _Kind:
    """How one kind of credential is written down: its class, its own fields, and both directions."""

    made: type[Any]
    fields: frozenset[str]
    put: Callable[[Any], dict[str, Any]]
    take: Callable[[_Fields, Reach, Life], Credential]


def encode(held: Held[Any], before: Content | Unreadable | None = None) -> Content:
    """Write a credential down, without its mark.

    Parameters
    ----------
    held
        What to write.
    before
        The document that is replaced. What it says beyond this version's own fields is kept: another version's.

    Raises
    ------
    UsageError
        If the credential is of a kind that is not written down, too large, or comes with facts that are not text.
    """
    name = next((name for name, kind in _KINDS.items() if isinstance(held.credential, kind.made)), None)
    if name is None:
        raise UsageError(f"a credential of the kind {type(held.credential).__name__} is not kept in a store")
    content = _encoded(held, name, before)
    if content is None:
        raise UsageError(f"the credential from {held.source} is too large to be kept, or its facts are not text")
    return content


def decode(content: Content) -> Held[Any] | Unreadable:
    """Read a credential; whatever the bytes are, this does not raise."""
    fields = _parsed(content)
    if isinstance(fields, Unreadable):
        return fields
    try:
        return _held(fields)
    except _MalformedError as problem:
        return Unreadable(f"{problem} is not as it should be")


class _MalformedError(Exception):
    """A field is missing or of the wrong type; says which one and nothing of its value."""


class _Fields:
    """A JSON object that is read field by field, and shows itself nowhere."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._get: Callable[[str], Any] = given.get

    def text(self, name: str) -> str:
        """A text."""
        given = self._get(name)
        if isinstance(given, str):
            return given
        raise _MalformedError(name)

    def maybe_text(self, name: str) -> str | None:
        """A text, or nothing."""
        return None if self._get(name) is None else self.text(name)

    def secret(self, name: str) -> Secret:
        """A text to hide."""
        return Secret(self.text(name))

    def number(self, name: str) -> float | None:
        """A finite number, or nothing."""
        given = self._get(name)
        if given is None:
            return None
        if isinstance(given, (int, float)) and not isinstance(given, bool) and abs(given) < _BEYOND:
            return float(given)
        raise _MalformedError(name)

    def count(self, name: str) -> int:
        """A whole number that is not negative, and small enough to be counted up and written again."""
        given = self._get(name)
        if isinstance(given, int) and not isinstance(given, bool) and 0 <= given < _BEYOND:
            return given
        raise _MalformedError(name)

    def object(self, name: str) -> _Fields:
        """An object in it."""
        given = self._get(name)
        if isinstance(given, dict):
            return _Fields(given)
        raise _MalformedError(name)

    def texts(self, name: str) -> list[str]:
        """A list of texts."""
        given = self._get(name)
        if isinstance(given, list) and all(isinstance(one, str) for one in given):
            return given
        raise _MalformedError(name)

    def facts(self, name: str) -> dict[str, str]:
        """An object of texts."""
        given = self._get(name)
        if isinstance(given, dict) and all(isinstance(one, str) for one in given.values()):
            return given
        raise _MalformedError(name)


# One line a kind. The fields of all kinds are this version's own: those of another kind do not outlive a rewrite.
_KINDS: Final[dict[str, _Kind]] = {
    "bearer": _Kind(
        Bearer,
        frozenset({"token"}),
        lambda bearer: {"token": bearer.token.reveal()},
        lambda fields, reach, life: Bearer(fields.secret("token"), reach, life, fields.maybe_text("identity")),
    ),
    "basic": _Kind(
        Basic,
        frozenset({"username", "password"}),
        lambda basic: {"username": basic.username, "password": basic.password.reveal()},
        lambda fields, reach, life: Basic(fields.text("username"), fields.secret("password"), reach, life),
    ),
}
_OWN: Final = _COMMON.union(*(kind.fields for kind in _KINDS.values()))


def _encoded(held: Held[Any], kind: str, before: Content | Unreadable | None) -> Content | None:
    """The only frame that holds the text of a new document; it raises nothing."""
    credential = held.credential
    reach, life = credential.reach, credential.life
    try:
        old = _plain(before)
        new = {
            **{name: given for name, given in old.items() if name not in _OWN},
            _FORMAT: VERSION,
            "kind": kind,
            "source": held.source,
            "generation": held.generation,
            "renewal": None if held.renewal is None else held.renewal.reveal(),
            **_KINDS[kind].put(credential),
            "reach": _beside(old, "reach") | {"origins": sorted(map(str, reach.origins)), "said_by": reach.said_by},
            "life": _beside(old, "life") | {name: _finite(getattr(life, name)) for name in _NESTED["life"]},
            "identity": credential.identity,
            "facts": dict(held.facts),
        }
        if any(not isinstance(text, str) for pair in new["facts"].items() for text in pair):
            return None
        raw = json.dumps(new, allow_nan=False).encode()
        return sealed(raw) if len(raw) <= MOST else None
    except (TypeError, ValueError, RecursionError):
        return None


def _finite(seconds: float | None) -> float | None:
    """JSON knows no infinity; an end that never comes is no end."""
    return seconds if seconds is not None and abs(seconds) < _BEYOND else None


def _beside(old: dict[str, Any], name: str) -> dict[str, Any]:
    """What an object in the document before says beyond this version's own fields."""
    given = old.get(name, {})
    return {key: value for key, value in given.items() if key not in _NESTED[name]}


def _plain(content: Content | Unreadable | None) -> dict[str, Any]:
    """A document as it is; empty unless this version can read it."""
    if content is None or isinstance(content, Unreadable) or isinstance(decode(content), Unreadable):
        return {}
    given: dict[str, Any] = json.loads(content())
    return given


def _parsed(content: Content) -> _Fields | Unreadable:
    """A document of this version, by its outermost looks."""
    try:
        given = json.loads(content().decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        # Not chained: these errors carry the text.
        return Unreadable("it is no JSON document")
    version = given.get(_FORMAT) if isinstance(given, dict) else None
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        return Unreadable("it is no document of Skykey's")
    if version > VERSION:
        return Unreadable("a newer version of Skykey wrote it")
    return _Fields(given)


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _held(fields: _Fields) -> Held[Any]:
    kind = _KINDS.get(fields.text("kind"))
    if kind is None:
        raise _MalformedError("kind")
    bound, living = fields.object("reach"), fields.object("life")
    reach = Reach(frozenset(map(_origin, bound.texts("origins"))), bound.text("said_by"))
    life = Life(living.number("born"), living.number("ends"), living.number("look_again"))
    renewal = fields.maybe_text("renewal")
    return Held(
        kind.take(fields, reach, life),
        source=fields.text("source"),
        renewal=None if renewal is None else Secret(renewal),
        generation=fields.count("generation"),
        facts=fields.facts("facts"),
    )


def _origin(text: str) -> Origin:
    """An origin in exactly the form in which it was written; over plain http only this machine."""
    try:
        origin = Url(text).origin
    except BadUrl:
        raise _MalformedError("reach") from None
    if str(origin) != text or (origin.scheme == "http" and not origin.is_loopback):
        raise _MalformedError("reach")
    return origin
