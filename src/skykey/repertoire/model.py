"""What all values of the discovery document have in common: frozen, and written as JSON without their secrets."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Final, Generic, TypeAlias, TypeVar

from skykey.values.url import Url

T_co = TypeVar("T_co", covariant=True)

MASK: Final = "**********"
READ_ONLY: Final[dict[str, Any]] = {"read_only": True}
"""Marks a field that is read and never written, as upstream has it."""

_Write: TypeAlias = Callable[[dict[str, Any], str, Any], None]
_LeaveOut: TypeAlias = Callable[["dataclasses.Field[Any]", Any], bool]


class Entries(Mapping[str, T_co], Generic[T_co]):
    """Entries by name, for reading only: what one caller does with them changes nothing for the next."""

    __slots__ = ("_entries",)

    def __init__(self, entries: Mapping[str, T_co] | None = None) -> None:
        self._entries = dict(entries or {})

    def __getitem__(self, name: str, /) -> T_co:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return repr(self._entries)


def nothing() -> Entries[Any]:
    """No entries, as a default."""
    return Entries()


class Model:
    """A frozen dataclass with the ways of writing it that programs know from pydantic."""

    __slots__ = ()
    _urls: ClassVar[tuple[str, ...]] = ()
    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    def __post_init__(self) -> None:
        for name in self._urls:
            value = getattr(self, name)
            if value is not None and type(value) is not Url:
                object.__setattr__(self, name, Url(value))

    def model_dump(
        self, *, mode: str = "python", exclude_none: bool = False, exclude_defaults: bool = False
    ) -> dict[str, Any]:
        """Write it as a dictionary. A password stays closed in both modes.

        Parameters
        ----------
        mode
            ``python`` keeps URLs and passwords as objects; ``json`` gives what JSON has, and a mask for passwords.
        exclude_none, exclude_defaults
            Leave out what is None, or what is as it is by default.
        """
        leave_out = _leave_out(none=exclude_none, defaults=exclude_defaults)
        return _written(self, _as_json if mode == "json" else _as_it_is, leave_out)

    def model_dump_json(
        self, *, indent: int | None = None, exclude_none: bool = False, exclude_defaults: bool = False
    ) -> str:
        """Write it as JSON text, as `model_dump` does with the mode ``json``."""
        import json

        data = self.model_dump(mode="json", exclude_none=exclude_none, exclude_defaults=exclude_defaults)
        return json.dumps(data, indent=indent, separators=None if indent else (",", ":"), ensure_ascii=False)

    def to_dict(self, *, include_secrets: bool = False) -> dict[str, Any]:
        """Write it as the service sends it: what JSON has, without what is as it is by default.

        Parameters
        ----------
        include_secrets
            Whether passwords stand in it in clear. Otherwise they are left out.
        """
        return _written(self, _opened if include_secrets else _public, _leave_out(none=True, defaults=True))


def frozen(value: Any) -> Any:
    """JSON that nobody can change."""
    match value:
        case dict():
            return Entries({name: frozen(inner) for name, inner in value.items()})
        case list():
            return tuple(map(frozen, value))
        case _:
            return value


def _written(model: Model, write: _Write, leave_out: _LeaveOut) -> dict[str, Any]:
    written: dict[str, Any] = {}
    for field in dataclasses.fields(model):
        value = getattr(model, field.name)
        if not field.metadata.get("read_only") and not leave_out(field, value):
            _put(written, field.name, value, write, leave_out)
    return written


def _put(into: dict[str, Any], name: str, value: Any, write: _Write, leave_out: _LeaveOut) -> None:
    match value:
        case Model():
            into[name] = _written(value, write, leave_out)
        case Mapping():
            into[name] = {}
            for key, inner in value.items():
                _put(into[name], key, inner, write, leave_out)
        case tuple():
            into[name] = list(value)
        case _:
            write(into, name, value)


def _leave_out(*, none: bool, defaults: bool) -> _LeaveOut:
    def decide(field: dataclasses.Field[Any], value: Any) -> bool:
        if none and value is None:
            return True
        if not defaults:
            return False
        made = field.default_factory
        return bool(value == (field.default if made is dataclasses.MISSING else made()))

    return decide


def _as_it_is(into: dict[str, Any], name: str, value: Any) -> None:
    into[name] = value


def _as_json(into: dict[str, Any], name: str, value: Any) -> None:
    into[name] = MASK if _is_secret(value) else plain(value)


def _public(into: dict[str, Any], name: str, value: Any) -> None:
    if not _is_secret(value):
        into[name] = plain(value)


def _opened(into: dict[str, Any], name: str, value: Any) -> None:
    into[name] = value.get_secret_value() if _is_secret(value) else plain(value)


def plain(value: Any) -> Any:
    """A URL as nothing but text: other JSON libraries refuse subclasses."""
    return str.__str__(value) if isinstance(value, str) else value


def _is_secret(value: Any) -> bool:
    return hasattr(value, "get_secret_value")
