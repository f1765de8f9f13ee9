"""Tokens of the shape ``gt-<22>.<22>``, as the server knows them."""

import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from skykey.sandbox.state import write_private

SCOPES = ("read:image", "read:tap", "read:sasquatch")
_DAY = 86_400.0
_SHAPE = re.compile(r"gt-[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{22}")


def is_token(text: str) -> bool:
    """Say whether ``text`` has the shape of a token."""
    return _SHAPE.fullmatch(text) is not None


@dataclass
class Token:
    """One token. Its first half names it, in logs too; the second half proves it."""

    username: str
    scopes: tuple[str, ...]
    created: int
    expires: float | None
    kind: str = "user"
    name: str | None = None
    service: str | None = None
    parent: str | None = None
    key: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(16), repr=False)

    @property
    def value(self) -> str:
        return f"gt-{self.key}.{self.secret}"


class Tokens:
    """Every token that this site has made."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._made: dict[str, Token] = {}

    def mint(
        self,
        scopes: Iterable[str],
        *,
        seconds: float | None,
        username: str = "ada",
        kind: str = "user",
        name: str | None = "sandbox",
        service: str | None = None,
        parent: str | None = None,
    ) -> Token:
        """Make a token; ``seconds`` of None is a token that never ends."""
        ends = None if seconds is None else self._now() + seconds
        token = Token(username, tuple(sorted(scopes)), int(self._now()), ends, kind, name, service, parent)
        self._made[token.value] = token
        return token

    def set_life(self, value: str | None, seconds: float | None) -> int:
        """Let one token (or all, for None) end ``seconds`` from now; return how many that were."""
        chosen = [token for token in self._made.values() if value in (None, token.value)]
        for token in chosen:
            token.expires = None if seconds is None else self._now() + seconds
        return len(chosen)

    def find(self, value: str) -> Token | None:
        """Return the token if it is known and has not ended."""
        token = self._made.get(value)
        if token is None or (token.expires is not None and token.expires <= self._now()):
            return None
        return token


class TokenFile:
    """The file from which a user's programs read their token."""

    def __init__(self, tokens: Tokens, path: Path) -> None:
        self._tokens, self._path = tokens, path
        self._current = self._write()

    def rotate(self) -> None:
        """Put a new token into the file, then end the one that was there."""
        old, self._current = self._current, self._write()
        self._tokens.set_life(old.value, 0)

    def _write(self) -> Token:
        token = self._tokens.mint(SCOPES, seconds=_DAY)
        write_private(self._path, f"{token.value}\n".encode())
        return token
