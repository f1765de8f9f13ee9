"""API roots that were asked for before: in this process, and in the user's cache folder.

One that is younger than ten minutes is used as it is. An older one is asked for again, with its ETag if it had one; if
the server is away, it serves up to a week. What a client does not find in it, or the server does not know under its
URL, has it asked for again too (`Asking`).
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from skykey.calls.memo import Memo
from skykey.gracedb.exceptions import Gone, NotFoundError
from skykey.gracedb.root import BadVersion, Root
from skykey.values.errors import Overloaded, SkykeyError, TransportError, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable

    from skykey.calls.flow import Flow
    from skykey.credentials.kept import Kept
    from skykey.gracedb.options import Options
    from skykey.gracedb.response import Response
    from skykey.values.clock import Clock
    from skykey.values.url import Url

VARIABLE: Final = "SKYKEY_NO_CACHE"
"""Set to anything, it keeps API roots out of the cache folder."""

FRESH: Final = 600.0
STALE: Final = 7 * 24 * 3600.0
"""Seconds: how long a root counts without being asked for, and with its server away."""

_PAUSE: Final = 30.0
_FORM: Final = 1
_MOST_BYTES: Final = 4 * 2**20


class Ground(NamedTuple):
    """What is needed of a client.

    Parameters
    ----------
    options
        Its own.
    clock
        For ages.
    asked
        Sends a request.
    keepers
        Finds its credentials.
    """

    options: Options
    clock: Clock
    asked: Callable[..., Flow[Response]]
    keepers: Callable[[], Flow[tuple[Kept[Any], ...]]]

    @property
    def uses_folder(self) -> bool:
        """Whether other processes are to know, too."""
        return self.options.remembers and not os.environ.get(VARIABLE)


class RootMemory:
    """What is known about one root.

    Parameters
    ----------
    url
        Of the root.
    """

    def __init__(self, url: Url) -> None:
        self._url = url
        self._latest: Root | None = None
        self._etag: str | None = None
        self._not_before = 0.0
        # It remembers nothing: however many ask at once, one request goes out.
        self._question: Memo[Root] = Memo(0.0)

    def root(self, ground: Ground, instead: Root | None) -> Flow[Root]:
        """See `Asking._root`."""
        if instead is not None and instead.is_new:
            return instead
        if self._latest is None and ground.uses_folder:
            yield from self._recall(ground)
        latest, now = self._latest, ground.clock.wall()
        if latest is not None:
            age = now - latest.asked
            if instead is not None and latest.asked > instead.asked:
                return latest
            if instead is None and (0 <= age < FRESH or (now < self._not_before and 0 <= age < STALE)):
                return latest
        return (yield from self._question.flow(lambda: self._ask(ground), ground.clock))

    def _recall(self, ground: Ground) -> Flow[None]:
        """Look into the cache folder."""
        found = _read(self._url, anonymous=not (yield from ground.keepers()))
        now = ground.clock.wall()
        if found is not None and 0 <= now - found[0].asked < STALE and self._latest is None:
            self._latest, self._etag = found

    def _ask(self, ground: Ground) -> Flow[Root]:
        latest, asked = self._latest, ground.clock.wall()
        known = {"If-None-Match": self._etag} if latest is not None and self._etag else None
        try:
            answer = yield from ground.asked("GET", self._url, headers=known, doing="reading the API root")
        except Gone:
            raise
        except NotFoundError as problem:
            if self._url == ground.options.service_url:
                raise
            raise (yield from self._without_version(ground, problem)) from None
        except (TransportError, Overloaded) as problem:
            if latest is None or not 0 <= asked - latest.asked < STALE:
                raise
            if asked >= self._not_before:
                _tell(problem, asked - latest.asked)
            self._not_before = ground.clock.wall() + _PAUSE
            return latest
        if latest is not None and answer.status_code == _NOT_MODIFIED:
            info = latest.info
        else:
            info = _document(answer)
            self._etag = _tag(answer.headers.get("etag"))
        self._latest = Root(info, self._url, asked)
        self._not_before = 0.0
        if ground.uses_folder:
            _write(self._latest, self._etag, anonymous=not (yield from ground.keepers()))
        return replace(self._latest, is_new=True)

    def _without_version(self, ground: Ground, problem: NotFoundError) -> Flow[SkykeyError]:
        """What to raise where this version is not."""
        try:
            info = _document((yield from ground.asked("GET", ground.options.service_url, doing=problem.doing)))
        except SkykeyError:
            return problem
        versions = info.get("API_VERSIONS", info.get("api-versions"))
        return BadVersion.among([str(one) for one in versions] if isinstance(versions, list) else None)


def remembered(ground: Ground, memory: RootMemory | None, instead: Root | None) -> Flow[Root]:
    """The root of a client.

    Parameters
    ----------
    ground
        What is needed of it.
    memory
        Its own; None for that of the process.
    instead
        A root that did not know something.
    """
    if memory is None:
        key = ground.options.versioned_url, ground.options.is_anonymous
        memory = _memories.get(key) or _memories.setdefault(key, RootMemory(key[0]))
    return (yield from memory.root(ground, instead))


def forget() -> None:
    """Let the process remember nothing."""
    _memories.clear()


_memories: Final[dict[tuple[Url, bool], RootMemory]] = {}
_NOT_MODIFIED: Final = 304
# Lists, events and superevents have links, too.
_OF_OTHERS: Final = frozenset({"numRows", "graceid", "superevent_id"})
# RFC 9110, 8.8.3, without what is not ASCII.
_ENTITY_TAG: Final = re.compile(r'(W/)?"[\x21\x23-\x7e]{0,200}"')


def _tag(etag: Any) -> str | None:
    """What can be sent back; a broken one from the folder would keep every request from being sent."""
    return etag if isinstance(etag, str) and _ENTITY_TAG.fullmatch(etag) else None


def _document(answer: Response) -> dict[str, Any]:
    info = answer.json()
    has_urls = isinstance(info, dict) and isinstance(info.get("links", info.get("templates")), dict)
    if not isinstance(info, dict) or not has_urls or not _OF_OTHERS.isdisjoint(info):
        where = answer.url.without_query()
        raise Unreadable(
            f"{where} is not the root of a GraceDB API",
            status=answer.status_code,
            url=where,
            next="check service_url: it ends in /api/",
        )
    return info


def _tell(problem: SkykeyError, age: float) -> None:
    import logging

    logging.getLogger("skykey.gracedb").warning(
        "The API root is %.0f minutes old, and is used on: %s", age / 60, problem.args[0] if problem.args else problem
    )


# -- the cache folder


def folder() -> str:
    """Where roots are kept."""
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "skykey", "gracedb")


def _name(url: Url, *, anonymous: bool) -> str:
    import hashlib

    whole = f"{url} {'anonymous' if anonymous else 'known'}"
    return f"{url.host.replace(':', '_')}-{hashlib.sha256(whole.encode()).hexdigest()[:24]}.json"


def _read(url: Url, *, anonymous: bool) -> tuple[Root, str | None] | None:
    """What the folder has; None for nothing, for what is broken, and for what others may have written."""
    from skykey.credentials.stores.folder import StoreRefused, private_folder

    try:
        with private_folder(folder(), make=False) as held:
            descriptor = held.open_own(_name(url, anonymous=anonymous))
            if descriptor is None:
                return None
            with open(descriptor, "rb") as file:
                text = file.read(_MOST_BYTES)
        match json.loads(text):
            case {"form": 1, "url": str(whose), "asked": int() | float() as asked, "root": dict(info), "etag": etag}:
                root = Root(info, url, float(asked))
                return (root, _tag(etag)) if whose == url else None
            case _:
                pass
    except (StoreRefused, OSError, ValueError, RecursionError):
        pass
    return None


def _write(root: Root, etag: str | None, *, anonymous: bool) -> None:
    """Keep a root for other processes; where that is not possible, they ask for themselves."""
    from skykey.credentials.stores.folder import StoreRefused, private_folder

    document = {"form": _FORM, "url": root.url, "asked": root.asked, "etag": etag, "root": root.info}
    name = _name(root.url, anonymous=anonymous)
    new = f".{name}.{os.urandom(8).hex()}.new"
    with suppress(StoreRefused, OSError, ValueError):
        text = json.dumps(document).encode()
        with private_folder(folder(), make=True) as held:
            # Not flushed to the disk: what a crash leaves broken is not read.
            try:
                with open(held.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as file:
                    file.write(text)
                held.rename(new, name)
            except BaseException:
                with suppress(OSError):
                    held.remove(new)
                raise
