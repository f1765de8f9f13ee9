"""What the manifest says, and where the cache is."""

import os
import tomllib
from dataclasses import dataclass
from functools import cache as once
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = Path(__file__).with_name("manifest.toml")


class PartError(Exception):
    """A part could not be fetched, checked or started; the message says why, with the tool's own words."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A real server: how it is fetched, and how it is started."""

    name: str
    about: str
    version: str
    fetch: str
    packages: tuple[str, ...]
    start: tuple[str, ...]
    stop: str
    refuses_root: bool


@dataclass(frozen=True, kw_only=True)
class Guest:
    """An official client: one pinned package, and what it forgot to require.

    With `alone`, nothing that it requires itself: `needs` is then all that the part of it which is used does need.
    """

    name: str
    about: str
    version: str
    needs: tuple[str, ...]
    alone: bool = False

    @property
    def requirements(self) -> list[str]:
        """What its environment is made of, as pip and uv read it."""
        return [*(["--no-deps"] if self.alone else []), f"{self.name}=={self.version}", *self.needs]


@dataclass(frozen=True)
class Manifest:
    """All parts and guests by name."""

    parts: dict[str, Part]
    guests: dict[str, Guest]

    def part(self, name: str) -> Part:
        """Look a part up."""
        return _named(self.parts, name, "part")

    def guest(self, name: str) -> Guest:
        """Look a guest up."""
        return _named(self.guests, name, "guest")


@once
def load() -> Manifest:
    """Read the manifest of this checkout."""
    return parse(tomllib.loads(MANIFEST.read_text(encoding="utf-8")))


def parse(document: dict[str, Any]) -> Manifest:
    """Read a manifest strictly: a key too many or too few is an error."""
    try:
        parts = {name: Part(name=name, **_fields(entry)) for name, entry in document["parts"].items()}
        guests = {name: Guest(name=name, **_fields(entry)) for name, entry in document["guests"].items()}
    except (KeyError, TypeError) as problem:
        raise PartError(f"manifest.toml: {problem}") from problem
    for part in parts.values():
        if part.fetch != "debian" or part.stop not in ("TERM", "INT", "QUIT"):
            raise PartError(f"manifest.toml: {part.name}: unknown way to fetch or stop")
        if not part.packages or not part.start:
            raise PartError(f"manifest.toml: {part.name}: no packages, or nothing to start")
    return Manifest(parts, guests)


def cache() -> Path:
    """Where fetched parts, guests' environments and the list of running parts are."""
    chosen = os.environ.get("SKYKEY_PARTS_CACHE")
    return Path(chosen).absolute() if chosen else ROOT / ".cache" / "parts"


def _fields(entry: dict[str, Any]) -> dict[str, Any]:
    frozen = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    return {key.replace("-", "_"): value for key, value in frozen.items()}


def _named(entries: dict[str, T], name: str, kind: str) -> T:
    if name not in entries:
        raise PartError(f"no {kind} is named {name!r}; there are: {', '.join(sorted(entries))}")
    return entries[name]
