"""Headers that go along with every request of a client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Final

from skykey.values.secret import Secret
from skykey.wire.agent import agent

Value = str | bytes | Secret | None

_SECRET: Final = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})


class _Ours(str):
    """Stands for the name of this program, which takes tens of milliseconds to look up for the first time."""

    __slots__ = ()


class SessionHeaders(MutableMapping[str, Value]):
    """Headers that may be changed; their names are compared in any case of their letters.

    Parameters
    ----------
    given
        Name to value; None leaves one of ours away.
    """

    def __init__(self, given: Mapping[str, Value] | None = None) -> None:
        self._held: dict[str, tuple[str, Value]] = {}
        self.update(given or {})

    @classmethod
    def usual(cls) -> SessionHeaders:
        """What goes along without anybody's asking."""
        # Without "gracedb-client": what follows that name must be a version of the documented client.
        return cls({"User-Agent": _Ours(), "Accept-Encoding": "gzip, deflate", "Accept": "*/*"})

    def __getitem__(self, name: str, /) -> Value:
        value = self._held[name.lower()][1]
        return agent() if isinstance(value, _Ours) else value

    def __setitem__(self, name: str, value: Value, /) -> None:
        if name.lower() in _SECRET and isinstance(value, str | bytes):
            value = Secret(value.decode("latin-1") if isinstance(value, bytes) else value)
        self._held[name.lower()] = name, value

    def __delitem__(self, name: str, /) -> None:
        del self._held[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter([name for name, _ in self._held.values()])

    def __len__(self) -> int:
        return len(self._held)

    def __repr__(self) -> str:
        return f"<SessionHeaders {', '.join(self)}>"

    def public(self) -> dict[str, Value]:
        """Those that are not secret."""
        return {name: value for name, value in self.items() if not isinstance(value, Secret)}

    def with_others(
        self, *others: Mapping[str, Value] | None, at_home: bool = True
    ) -> tuple[tuple[str, str | Secret], ...]:
        """Pairs for a request: a later one replaces an earlier one of the same name.

        Parameters
        ----------
        others
            Of the request itself; None as a value takes one away.
        at_home
            Whether it goes to the client's own server. Elsewhere what is secret here stays here.
        """
        merged = SessionHeaders(self if at_home else self.public())
        for other in others:
            merged.update(other or {})
        return tuple(
            (name, value.decode("latin-1") if isinstance(value, bytes) else value)
            for name, value in merged.items()
            if value is not None
        )
