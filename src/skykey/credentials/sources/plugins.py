"""Tokens from other packages: whoever installs one that offers a provider for a system, has that provider.

A package offers one in its own ``pyproject.toml``::

    [project.entry-points."skykey.providers"]
    rubin = "its_module:its_function"           # (reach: Reach) -> Provider[Bearer]
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from skykey.credentials.chain import Chain
from skykey.credentials.credential import Bearer
from skykey.credentials.held import Held
from skykey.credentials.provider import Ask, Keeping
from skykey.credentials.trace import Trace
from skykey.values.errors import Failed, NoCredential, SkykeyError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator
    from importlib.metadata import EntryPoint

    from skykey.credentials.provider import Provider
    from skykey.values.reach import Reach

GROUP: Final = "skykey.providers"


@dataclass(frozen=True, slots=True)
class _Mark:
    """Which package gave it, with that provider's own mark."""

    source: str
    mark: Hashable


@dataclass(frozen=True, slots=True)
class Plugins:
    """The providers that other packages offer for a system, in the order of the packages' names.

    They are imported when the first one is asked. One that cannot be imported, or is no provider, is reported and the
    others are asked; one that has something unusable stops the search, as any source does.

    Parameters
    ----------
    system
        Its name, such as ``rubin``.
    reach
        Where its token may go. What a package gives must not go farther.
    """

    system: str
    reach: Reach
    _loaded: list[Chain[Bearer]] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def name(self) -> str:
        """See `Provider.name`."""
        return f"installed packages for {self.system}"

    @property
    def keeping(self) -> Keeping:
        """See `Provider.keeping`: nobody knows what theirs costs."""
        return Keeping.IN_PROCESS

    def obtain(self, held: Held[Bearer] | None, ask: Ask, /) -> Held[Bearer]:
        """Ask them in order, the latest winner first.

        Raises
        ------
        Unavailable
            If none has anything; with each one's reason.
        Failed
            From the first that has something unusable.
        """
        chain = self._chain()
        if not chain.providers:
            raise Unavailable("no package offers one")
        own = replace(ask, trace=Trace())
        try:
            found = chain.obtain(_unmarked(held), own)
        except NoCredential:
            reasons = [f"{attempt.source}: {attempt.reason}" for attempt in own.trace.attempts]
            raise Unavailable("; ".join(reasons)) from None
        return replace(found, mark=_Mark(found.source, found.mark))

    def changed(self, held: Held[Bearer], /) -> bool:
        """As the package says that it came from."""
        mine = _unmarked(held)
        return mine is None or self._chain().changed(mine)

    def _chain(self) -> Chain[Bearer]:
        if not self._loaded:
            offers = tuple(_load(entry, self.reach) for entry in _entries(self.system))
            self._loaded.append(Chain(self.name, offers, ""))
        return self._loaded[0]


@dataclass(frozen=True, slots=True)
class _Plugin:
    """A provider of somebody else, held to what providers promise."""

    inner: Provider[Bearer]
    name: str
    reach: Reach

    @property
    def keeping(self) -> Keeping:
        return self.inner.keeping

    def obtain(self, held: Held[Bearer] | None, ask: Ask, /) -> Held[Bearer]:
        found: object = None
        raised = None
        try:
            found = self.inner.obtain(held, ask)
        except SkykeyError:
            raise
        except Exception as problem:  # noqa: BLE001 - not our code; its words may hold what it found
            raised = type(problem).__name__
        if raised is not None:  # here, so that theirs is not its context
            raise Failed(f"{self.name} raised {raised}")
        if not isinstance(found, Held) or not isinstance(found.credential, Bearer):
            kind = type(found.credential if isinstance(found, Held) else found).__name__
            del found  # tracebacks show local variables
            raise Failed(f"{self.name} gives {kind}, not a token")
        if not found.credential.reach.origins <= self.reach.origins:
            raise Failed(f"{self.name} gives a token that may go farther than {self.reach.said_by} says")
        return found

    def changed(self, held: Held[Bearer], /) -> bool:
        return self.inner.changed(held)


@dataclass(frozen=True, slots=True)
class _Broken:
    """A package that was to offer a provider, and does not."""

    name: str
    reason: str
    keeping: Keeping = Keeping.NOT_AT_ALL

    def obtain(self, held: Held[Bearer] | None, ask: Ask, /) -> Held[Bearer]:
        raise Unavailable(self.reason)

    def changed(self, held: Held[Bearer], /) -> bool:
        return True


def _unmarked(held: Held[Bearer] | None) -> Held[Bearer] | None:
    if held is None or not isinstance(held.mark, _Mark):
        return None
    return replace(held, source=held.mark.source, mark=held.mark.mark)


def _entries(system: str) -> list[EntryPoint]:
    if not any(map(_offers_something, sys.path)):
        return []
    from importlib.metadata import entry_points  # half as long as everything else here: only if there is something

    found = entry_points(group=GROUP, name=system)
    return sorted(found, key=lambda entry: ("" if entry.dist is None else entry.dist.name, entry.value))


def _offers_something(folder: str) -> bool:
    """Whether a package in a folder of the import path offers a provider for any system."""
    return any(GROUP.encode() in text for text in _entry_texts(folder))


def _entry_texts(folder: str) -> Iterator[bytes]:
    try:
        names = os.listdir(folder or os.curdir)
    except OSError:
        return
    for name in names:
        if name.endswith((".dist-info", ".egg-info")):
            try:
                with open(os.path.join(folder, name, "entry_points.txt"), "rb") as file:
                    yield file.read()
            except OSError:
                continue


def _load(entry: EntryPoint, reach: Reach) -> Provider[Bearer]:
    package = f"the package {entry.value if entry.dist is None else entry.dist.name}"
    try:
        provider: Any = entry.load()(reach)
        is_one = all(callable(getattr(provider, name, None)) for name in ("obtain", "changed"))
        is_one = is_one and isinstance(getattr(provider, "keeping", None), Keeping)
    except (Exception, SystemExit) as problem:  # noqa: BLE001 - it is not our code
        return _broken(package, f"{entry.value} raised {type(problem).__name__}")
    if not is_one:
        return _broken(package, f"{entry.value} gives {type(provider).__name__}, which is no provider")
    return _Plugin(provider, package, reach)


def _broken(package: str, reason: str) -> _Broken:
    import logging  # only where something is logged: importing it costs time

    logging.getLogger("skykey.credentials").warning("%s is left out: %s", package, reason)
    return _Broken(package, reason)
