"""Where the discovery document comes from: the service, memory, a fallback."""

from __future__ import annotations

import contextlib
import os
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from skykey.calls.call import Call, Repeat
from skykey.calls.faces import method
from skykey.calls.flow import Flow, ask
from skykey.calls.json_reader import JsonReader
from skykey.calls.memo import Memo
from skykey.repertoire import fallback
from skykey.repertoire.exceptions import (
    RepertoireBadUrl,
    RepertoireError,
    RepertoireOutOfReach,
    RepertoireUrlError,
    as_web_error,
)
from skykey.values.clock import SYSTEM_CLOCK
from skykey.values.errors import BadUrl, OutOfReach, ServiceError, TransportError
from skykey.values.reach import Reach
from skykey.values.url import Url
from skykey.wire.request import Request, Timeouts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from skykey.credentials.credential import Bearer
    from skykey.credentials.keeper import Keeper
    from skykey.repertoire.models import Discovery
    from skykey.values.errors import SkykeyError

T = TypeVar("T")

# A discovery document has some kilobytes. Beyond these limits it is something else, or an attack.
MOST_BYTES: Final = 2**20
MOST_SECONDS = 10.0


class Logger(Protocol):
    """What is used of a logger; ``logging`` and ``structlog`` loggers fit."""

    def warning(self, event: str, /) -> Any:
        """Record a warning."""
        ...


class DocumentFlows:
    """The discovery document of one environment, remembered for a while; the documented clients are built on it."""

    def __init__(
        self,
        *,
        base_url: str | None = None,
        cache_timeout: timedelta = timedelta(minutes=5),
        logger: Logger | None = None,
        stale_timeout: timedelta = timedelta(hours=24),
        fallback: str | os.PathLike[str] | None = None,
        strict: bool = False,
    ) -> None:
        with documented():
            self.base_url = _base_url(base_url)
            # Plain http is refused here already: a document that was changed on the way could name any host.
            named = () if self.base_url is None else (self.base_url,)
            self._reach = Reach.named(*named, said_by=f"the base URL {self.base_url}")
            self._sources = _sources(fallback, self.base_url)
        self._strict = strict
        self._logger = logger
        self._told: set[str] = set()
        fresh, stale = cache_timeout.total_seconds(), stale_timeout.total_seconds()
        self._document: Memo[Discovery] = Memo(fresh, stale=stale, hold=True, warn=self._served_old)
        self._copies: dict[Url, Memo[Discovery]] = {
            url: Memo(fresh, stale=stale, hold=True) for url in self._sources if isinstance(url, Url)
        }

    @method
    def discovery(self) -> Flow[Discovery]:
        """Get the discovery document (``GET {base}/discovery``, anonymous).

        However many threads and tasks ask at once, one request is made. When it fails, the last good document is served
        up to the age `stale_timeout`, then a fallback, each with a warning; and there is a pause before the next try.

        Returns
        -------
        Discovery
            The typed part, the whole in ``document``, and in ``problems`` what could not be read.

        Raises
        ------
        RepertoireWebError
            For refusals and transport problems; each is also the precise class, such as `Forbidden` or `TimedOut`.
        RepertoireValidationError
            If it is not what was promised.

        Examples
        --------
        >>> from skykey.repertoire import SyncDiscoveryClient
        >>> client = SyncDiscoveryClient(base_url="https://rsp.example.org/repertoire")
        >>> client.discovery().environment  # doctest: +SKIP
        """
        problem: RepertoireError = RepertoireUrlError()
        if self.base_url is not None:
            try:
                read = yield from self._document.flow(self._fetch, SYSTEM_CLOCK)
            except RepertoireError as failed:
                problem = failed
            else:
                self._told.discard("fallback")
                return self._tell(read)
        return (yield from self._instead(problem))

    def forget(self) -> None:
        """Ask the service anew next time, whatever is remembered."""
        for memo in (self._document, *self._copies.values()):
            memo.forget()

    def _fetch(self) -> Flow[Discovery]:
        if self.base_url is None:
            raise RepertoireUrlError
        return (yield from self._ask(self.base_url / "discovery", self._read))

    def _read(self, document: Any) -> Discovery:
        from skykey.repertoire.reading import read_discovery

        return read_discovery(document, strict=self._strict, base=self.base_url)

    def _instead(self, problem: RepertoireError) -> Flow[Discovery]:
        """A document from elsewhere, or the problem that made it necessary."""
        for source in self._sources:
            try:
                if isinstance(source, Url):
                    read = yield from self._copies[source].flow(partial(self._ask, source, self._read), SYSTEM_CLOCK)
                else:
                    read = fallback.read_file(source, most=MOST_BYTES, strict=self._strict, base=self.base_url)
            except FileNotFoundError:
                if source != fallback.NOTEBOOK_FILE:
                    problem.add_note(f"The fallback {source} is not there")
            except (RepertoireError, OSError) as other:
                problem.add_note(f"The fallback {source} is of no use either: {other}")
            else:
                if self.base_url is not None and "fallback" not in self._told:
                    self._told.add("fallback")
                    self._warn(f"{self.base_url}: {source} is used in its place, because {problem.message}")
                return self._tell(read)
        raise problem

    def _ask(
        self,
        url: Url,
        make: Callable[[Any], T],
        auth: tuple[Keeper[Bearer], ...] = (),
        remedy: str | None = None,
    ) -> Flow[T]:
        request = Request(
            "GET",
            url,
            (("Accept", "application/json"), ("Accept-Encoding", "gzip")),
            cap=MOST_BYTES,
            timeouts=Timeouts(connect=5.0, silence=5.0),
        )
        call = Call(request, lambda: JsonReader(make), auth, Repeat.SAFE, total=MOST_SECONDS, remedy=remedy)
        with documented():
            return (yield from ask(call))

    def _tell(self, read: Discovery) -> Discovery:
        """Say once what was left out."""
        for path, problem in read.problems.items():
            if path not in self._told:
                self._told.add(path)
                self._warn(f"{self._named}: an entry of the discovery document is left out, because {problem.message}")
        return read

    @property
    def _named(self) -> str:
        """Whose document it is, for people."""
        return self.base_url or fallback.NOTEBOOK_FILE

    def _served_old(self, problem: SkykeyError) -> None:
        self._warn(f"{self.base_url}: the last discovery document is used on, because {problem.message}")

    def _warn(self, event: str) -> None:
        if self._logger is None:
            import logging

            self._logger = logging.getLogger("skykey.repertoire")
        self._logger.warning(event)


@contextlib.contextmanager
def documented() -> Iterator[None]:
    """Raise the documented classes; the precise error is both base and cause."""
    try:
        yield
    except RepertoireError:
        raise
    except (ServiceError, TransportError) as problem:
        raise as_web_error(problem) from problem
    except OutOfReach as problem:
        raise RepertoireOutOfReach(problem.message, next=problem.next) from problem


def _base_url(argument: str | None) -> Url | None:
    """What the argument or a variable names; None if there is only the notebook's file."""
    named = (argument if argument is not None else os.environ.get("REPERTOIRE_BASE_URL", "")).strip()
    if not named and argument is None and (instance := os.environ.get("EXTERNAL_INSTANCE_URL", "").strip()):
        named = f"{instance.rstrip('/')}/repertoire"
    if named:
        return _url(named.rstrip("/"))
    if argument is None and fallback.notebook_file():
        return None
    raise RepertoireUrlError


def _sources(argument: str | os.PathLike[str] | None, base: Url | None) -> tuple[str | Url, ...]:
    try:
        found = fallback.sources(argument, base)
    except BadUrl as problem:
        raise RepertoireBadUrl(problem.message, next=problem.next) from None
    Reach.named(*(source for source in found if isinstance(source, Url)), said_by="the argument fallback")
    return found


def _url(named: str) -> Url:
    try:
        return Url(named)
    except BadUrl as problem:
        raise RepertoireBadUrl(problem.message, next=problem.next) from None
