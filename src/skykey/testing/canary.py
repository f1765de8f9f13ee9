"""A leak canary: made-up secrets that are unlike anything else, and a search for them in all that is shown.

::

    with Canary() as canary:
        monkeypatch.setenv("ACCESS_TOKEN", canary.opaque)
        the_program()
    canary.check()                  # AssertionError that names where, and never what
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import logging
import re
import secrets
import string
import time
import traceback
import warnings
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from skykey.testing.spellings import bare, pieces, spellings, unescaped

if TYPE_CHECKING:
    from collections.abc import Iterator

_JWT = re.compile(r"[\w-]+\.[\w-]+\.([\w-]{16,})", re.ASCII)
_LETTERS: Final = string.ascii_letters + string.digits
# Of those that printing and escaping treat in their own ways.
_STRANGE: Final = "é \"'\\/%+&<"


class Canary:
    """Secrets of every usual kind, each time new, and a watch over everything that is shown.

    They are found as they are, reversed, in hexadecimal, percent-encoded, escaped as in JSON, as `repr` writes text and
    bytes, and in base64 at each alignment (so also inside ``user:password``), with either alphabet. Case, quotes,
    blanks, colours and line breaks do not matter, and nineteen letters and digits in a row are enough.

    As a context manager it captures stdout, stderr, warnings, and all loggers at DEBUG; `check` looks through them.

    Attributes
    ----------
    jwt
        A signed JSON Web Token with claims. The claims may be shown; the signature is the secret.
    opaque
        A token as Gafaelfawr makes them.
    refresh
        A refresh token.
    password
        With characters that need escaping.

    Examples
    --------
    >>> canary = Canary()
    >>> canary.hits("nothing to see")
    []
    >>> canary.hits(f"Authorization: Bearer {canary.opaque}")
    ['opaque, plain']
    """

    def __init__(self) -> None:
        self._needles: dict[str, dict[str, frozenset[str]]] = {}
        self._shown: list[tuple[str, str]] = []
        self._records: list[_Record] = []
        self._streams: list[tuple[str, io.TextIOWrapper]] = []
        self._capture = contextlib.ExitStack()
        self.jwt = _jwt()
        self.opaque = f"gt-{_random(22)}.{_random(22)}"
        self.refresh = f"rt_{_random(48)}"
        self.password = "".join(_random(4) + strange for strange in _STRANGE) + _random(12)
        for name in ("jwt", "opaque", "refresh", "password"):
            self.add(name, getattr(self, name))

    @classmethod
    def of(cls, *texts: str) -> Self:
        """Look for these too, by their numbers."""
        canary = cls()
        for number, text in enumerate(texts, 1):
            canary.add(f"number {number}", text)
        return canary

    def add(self, name: str, text: str) -> None:
        """Look for one more secret.

        Parameters
        ----------
        name
            What findings call it.
        text
            The secret. Of a JSON Web Token only the signature counts.

        Raises
        ------
        ValueError
            If it is so short that it may be found by chance.
        """
        jwt = _JWT.fullmatch(text)
        spelled: dict[str, frozenset[str]] = {}
        for how, spelling in spellings(jwt[1] if jwt else text):
            new = pieces(spelling).difference(*spelled.values())
            if new:
                spelled[how] = new
        if "plain" not in spelled:
            raise ValueError(f"{name} is too short to be looked for: it has fewer than eight letters and digits")
        self._needles[name] = spelled

    def hits(self, text: str | bytes) -> list[str]:
        """Look into a text.

        Returns
        -------
        list of str
            What was found, as ``name, spelling``; never the secret itself.
        """
        shown = text if isinstance(text, str) else text.decode("latin-1")
        looks = {bare(shown), bare(unescaped(shown))}
        return [
            f"{name}, {how}"
            for name, spelled in self._needles.items()
            for how, parts in spelled.items()
            if any(part in look for look in looks for part in parts)
        ]

    def shown_by(self, value: Any) -> list[str]:
        """Look at a value in every usual way: the names of the displays in which a secret is to be read."""
        from skykey.testing.displays import displays

        return [name for name, text in displays(value).items() if self.hits(text)]

    def note(self, where: str, text: str | bytes) -> None:
        """Look into something else too: what a subprocess printed, a file, a `repr`."""
        self._shown.append((where, text if isinstance(text, str) else text.decode("latin-1")))

    def note_error(self, where: str, error: BaseException, *, inside: str = "") -> None:
        """Look into an error: its texts, what led to it, and the local variables of its frames.

        Parameters
        ----------
        where
            What findings call it.
        error
            The error.
        inside
            Only the frames of files whose path holds this: a test's own frames hold its secrets.
        """
        links: list[BaseException | None] = [error]
        seen: set[int] = set()
        while links:
            link = links.pop()
            if link is None or id(link) in seen:
                continue
            seen.add(id(link))
            links += [link.__cause__, link.__context__, *getattr(link, "exceptions", ())]
            notes = getattr(link, "__notes__", "")
            self.note(f"{where}: {type(link).__name__}", f"{link}\n{link!r}\n{link.args!r}\n{notes!r}\n{vars(link)!r}")
            for frame in traceback.TracebackException.from_exception(link, capture_locals=True).stack:
                if inside in frame.filename:
                    self.note(f"{where}: {frame.filename}:{frame.lineno}", repr(frame.locals))

    def check(self) -> int:
        """Assert that no secret was shown.

        Returns
        -------
        int
            How many outputs were searched.

        Raises
        ------
        AssertionError
            With the places and the kinds of the secrets, and not the secrets.
        """
        __tracebackhide__ = True
        found = self.findings()
        if found:
            raise AssertionError("leaked: " + "; ".join(found))
        return len(self.outputs())

    def findings(self) -> list[str]:
        """Where which secret was shown."""
        found = (f"{where} shows {hit}" for where, text in self.outputs() for hit in self.hits(text))
        return list(dict.fromkeys(found))

    def outputs(self) -> list[tuple[str, str]]:
        """All that was shown, with where; messages of the log also without what stands between them."""
        written = ((where, _written(stream)) for where, stream in self._streams)
        loggers = dict.fromkeys(record.logger for record in self._records)
        joined = {name: "".join(r.message for r in self._records if r.logger == name) for name in loggers}
        return [
            *((where, text) for where, text in written if text),
            *self._shown,
            *((f"a record of {record.logger}", f"{record.message} {record.rest}") for record in self._records),
            *((f"the records of {name} together", text) for name, text in joined.items()),
            *([("all records together", "".join(r.message for r in self._records))] if joined else []),
        ]

    def forget(self) -> None:
        """Begin anew with the same secrets."""
        self._shown.clear()
        self._records.clear()
        self._streams.clear()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            for where, redirect in (("stdout", contextlib.redirect_stdout), ("stderr", contextlib.redirect_stderr)):
                stream = io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace", write_through=True)
                self._streams.append((where, stream))
                stack.enter_context(redirect(stream))
            stack.enter_context(self._warnings())
            stack.enter_context(self._logging())
            self._capture = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._capture.close()

    @contextlib.contextmanager
    def _warnings(self) -> Iterator[None]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
        for warning in caught:
            self.note("a warning", f"{warning.category.__name__}: {warning.message}")
        for warning in caught:  # for whoever waits for it outside, such as "warnings are errors"
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)

    @contextlib.contextmanager
    def _logging(self) -> Iterator[None]:
        root, disabled = logging.getLogger(), logging.root.manager.disable
        known = [logger for logger in root.manager.loggerDict.values() if isinstance(logger, logging.Logger)]
        before = [(logger, logger.level, logger.propagate, logger.disabled) for logger in (root, *known)]
        handler = _Recorder(self._records)
        for logger in (root, *known):
            logger.setLevel(logging.DEBUG)
            logger.propagate, logger.disabled = True, False
        root.handlers.insert(0, handler)  # before one that may raise, or change the record
        logging.disable(logging.NOTSET)
        try:
            yield
        finally:
            logging.disable(disabled)
            root.removeHandler(handler)
            for logger, level, propagate, is_disabled in before:
                logger.setLevel(level)
                logger.propagate, logger.disabled = propagate, is_disabled

    def __repr__(self) -> str:
        return f"<Canary of {', '.join(self._needles)}>"


class _Record(NamedTuple):
    """What a formatter could show of a record of the log."""

    logger: str
    message: str
    rest: str


class _Recorder(logging.Handler):
    """Writes records down, with their extras and tracebacks."""

    def __init__(self, records: list[_Record]) -> None:
        super().__init__(logging.NOTSET)
        self._records = records

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - a record with the wrong number of arguments
            message = f"{record.msg!r} {record.args!r}"
        raised = "".join(traceback.format_exception(*record.exc_info)) if record.exc_info else ""
        self._records.append(_Record(record.name, message, f"{vars(record)!r}{raised}{record.stack_info or ''}"))


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def _jwt() -> str:
    now = int(time.time())
    header = {"alg": "RS256", "kid": "made-up", "typ": "JWT"}
    payload = {
        "iss": "https://issuer.example",
        "sub": "canary",
        "aud": "nobody",
        "scope": "read:tap read:image",
        "iat": now,
        "nbf": now,
        "exp": now + 3600,
    }
    parts = [json.dumps(part).encode() for part in (header, payload)]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (*parts, secrets.token_bytes(256)))


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    return stream.buffer.getvalue().decode() if isinstance(stream.buffer, io.BytesIO) else ""
