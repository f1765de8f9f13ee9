"""Many files at once: uploads that are not repeated by a second run, downloads that end in whole files."""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from skykey.calls.faces import method
from skykey.calls.flow import gather, pause
from skykey.calls.repeats import is_undone
from skykey.calls.target import path_in
from skykey.calls.transfer import saved
from skykey.gracedb.annotations import shapes
from skykey.gracedb.annotations.files import FileFlows
from skykey.gracedb.annotations.logs import LogFlows
from skykey.gracedb.creating import CreatingFlows
from skykey.gracedb.events import EventFlows
from skykey.gracedb.exceptions import HTTPError, OutcomeUnknown
from skykey.gracedb.journal import Journal, keys
from skykey.gracedb.making import is_alike
from skykey.gracedb.uploads import content_id
from skykey.values.errors import NotFound, ServiceError, SkykeyError, TransportError, UsageError
from skykey.values.progress import advance
from skykey.values.url import Url

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from skykey.calls.flow import Flow
    from skykey.gracedb.response import Response

T = TypeVar("T")

AT_ONCE: Final = 8
"""How many files are under way at any time, unless said otherwise."""

# This machine's clock against the server's.
_SKEW: Final = 120.0
# What a run sent just before it was killed may still be under way at the server: so many seconds.
_ON_ITS_WAY: Final = 5.0
_SERVER_ERRORS: Final = 500


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to be attached to an event or superevent with a log entry.

    Parameters
    ----------
    object_id
        Of the event or superevent.
    filename
        The file.
    message
        The log entry's text.
    tag_name, displayName, label
        As in ``GraceDb.write_log``.
    """

    object_id: str
    filename: str | os.PathLike[str]
    message: str
    tag_name: tuple[str, ...] = ()
    displayName: tuple[str, ...] = ()  # noqa: N815 - the documented name
    label: str | None = None


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to be created from a data file.

    Parameters
    ----------
    group, pipeline, filename, search, labels, offline
        As in ``GraceDb.create_event``.
    """

    group: str
    pipeline: str
    filename: str | os.PathLike[str]
    search: str | None = None
    labels: tuple[str, ...] = ()
    offline: bool = False


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What became of one of many.

    Parameters
    ----------
    item
        What was asked for.
    result
        What the server said to an upload, as JSON; where a downloaded file is; None if it failed.
    error
        Why it failed; None if it did not.
    was_done
        Whether an earlier run had done it.
    """

    item: T
    result: Any = None
    error: Exception | None = None
    was_done: bool = False

    @property
    def ok(self) -> bool:
        """Whether it is done."""
        return self.error is None


class SomeFailed(SkykeyError):
    """Some of many could not be done; the others are.

    Attributes
    ----------
    outcomes
        Of all, in the order in which they were asked for.
    """

    code = "some-failed"
    outcomes: Outcomes[Any]


class Outcomes(list[Outcome[T]]):
    """What became of each, in the order in which they were asked for."""

    @property
    def failed(self) -> list[Outcome[T]]:
        """Those that failed."""
        return [outcome for outcome in self if not outcome.ok]

    def check(self) -> Outcomes[T]:
        """See that all are done.

        Raises
        ------
        SomeFailed
            If one is not.
        """
        failed = self.failed
        if failed:
            first = failed[0].error
            problem = SomeFailed(
                f"{len(failed)} of {len(self)} failed, the first one: {getattr(first, 'summary', first)}",
                words=getattr(first, "words", None),
                next="look at .outcomes of this error; with the same journal a second run repeats nothing that is done",
            )
            problem.outcomes = self
            raise problem from first
        return self


class BulkFlows(EventFlows, CreatingFlows, LogFlows, FileFlows):
    """Many files at once."""

    @method
    def upload_many(
        self,
        uploads: Iterable[Upload | NewEvent],
        *,
        at_once: int = AT_ONCE,
        journal: str | os.PathLike[str] | None = None,
    ) -> Flow[Outcomes[Upload | NewEvent]]:
        """Upload files, several at a time over the same connections; each exactly once, or with an error.

        Parameters
        ----------
        uploads
            Log entries with a file (`Upload`) and new events (`NewEvent`), in any order.
        at_once
            How many are under way at any time.
        journal
            A file that remembers what is done. A second run with it, after errors or a kill, skips that; of what was
            under way then it asks the server, and sends again only what is not there.

        Returns
        -------
        Outcomes
            In the order of ``uploads``. Nothing is raised for what fails: see `Outcomes.failed` and `Outcomes.check`.

        Raises
        ------
        UsageError
            If a file cannot be read, or the journal is none. Nothing was sent.

        Examples
        --------
        >>> from skykey.gracedb.bulk import Upload
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> plots = [Upload("G1234", name, "omega scan", ("data_quality",)) for name in ("H1.png", "L1.png")]
        >>> client.upload_many(plots, journal="plots.journal").check()  # doctest: +SKIP
        """
        items = list(uploads)
        _check(at_once)
        contents = [_content_of(item) for item in items]
        advance(parts=len(items))
        with nullcontext(None) if journal is None else Journal(journal) as kept:
            server = str(self._options.service_url)
            names = keys([_identity(server, item, content) for item, content in zip(items, contents, strict=True)])
            flows = [
                self._uploaded(item, name, content, kept)
                for item, name, content in zip(items, names, contents, strict=True)
            ]
            return Outcomes((yield from gather(flows, at_once=at_once)))

    @method
    def download_many(
        self,
        files: Iterable[tuple[str, str]],
        folder: str | os.PathLike[str],
        *,
        at_once: int = AT_ONCE,
        again: bool = False,
    ) -> Flow[Outcomes[tuple[str, str]]]:
        """Download files of events and superevents, several at a time over the same connections.

        Parameters
        ----------
        files
            Object ids with names of files, as ``files(object_id)`` lists them.
        folder
            Each object has a folder of its own in it, ``folder/S190425z/bayestar.fits.gz``; they are made.
        at_once
            How many are under way at any time.
        again
            Whether to fetch a named version (``bayestar.fits.gz,0``) that is there already; it never changes. Names
            without a version stand for the newest, and are always fetched.

        Returns
        -------
        Outcomes
            In the order of ``files``; a result is a path. A file has its name only when it is whole; what broke off
            goes on from there in the next run.

        Raises
        ------
        UsageError
            If the folder cannot be made.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.download_many([("S190425z", "bayestar.fits.gz")], "maps").check()  # doctest: +SKIP
        """
        wanted = list(files)
        _check(at_once)
        advance(parts=len(wanted))
        flows = [self._downloaded(item, folder, again=again) for item in wanted]
        return Outcomes((yield from gather(flows, at_once=at_once)))

    def _uploaded(
        self, item: Upload | NewEvent, key: str, content: str, journal: Journal | None
    ) -> Flow[Outcome[Upload | NewEvent]]:
        if journal is not None and journal.is_done(key):
            advance(done=1)
            return Outcome(item, journal.state(key).get("answer"), was_done=True)
        was_sent = False
        try:
            if journal is not None and journal.is_unknown(key):
                begun = journal.state(key)["time"]
                found = yield from self._found(item, content, journal, begun)
                if found is None and (wait := begun + _ON_ITS_WAY - self._clock.wall()) > 0:
                    yield from pause(min(wait, _ON_ITS_WAY))
                    found = yield from self._found(item, content, journal, begun)
                if found is not None:
                    journal.finish(key, self._clock.wall(), found)
                    advance(done=1)
                    return Outcome(item, found, was_done=True)
            if journal is not None:
                journal.begin(key, self._clock.wall())
            was_sent = True
            response = yield from self._sent(item)
            answer = None if response is None else response.json()
        except (SkykeyError, OSError) as problem:
            # Where only the look for an earlier one failed, that is as unknown as before.
            if journal is not None and was_sent and _is_certain(problem):
                journal.undo(key, self._clock.wall())
            return Outcome(item, error=problem)
        if journal is not None:
            journal.finish(key, self._clock.wall(), answer)
        advance(done=1)
        return Outcome(item, answer)

    def _sent(self, item: Upload | NewEvent) -> Flow[Response | None]:
        name = os.fspath(item.filename)
        if isinstance(item, NewEvent):
            event = partial(self.create_event, item.group, item.pipeline, name, search=item.search)
            return (yield from event(labels=list(item.labels) or None, offline=item.offline))
        return (
            yield from self.write_log(
                item.object_id,
                item.message,
                filename=name,
                tag_name=list(item.tag_name),
                displayName=list(item.displayName),
                label=item.label,
            )
        )

    def _found(self, item: Upload | NewEvent, content: str, journal: Journal, begun: float) -> Flow[Any]:
        """What the server has of an upload that an earlier run began; None if it has nothing."""
        since = begun - _SKEW
        if isinstance(item, NewEvent):
            try:
                event: Any = (yield from self.event(content)).json()
            except NotFound:
                return None
            asked = {name: getattr(item, name) for name in ("group", "pipeline", "search", "offline", "labels")}
            if (shapes.moment(event.get("created")) or 0.0) < since or not is_alike(event, asked):
                return None
            yield from self._refuse_others(event, asked)
            return event
        entries = shapes.log_entries((yield from self.logs(item.object_id)).json())
        taken = [answer.get("self") for answer in journal.answers() if isinstance(answer, dict)]
        same = [
            entry
            for entry in entries
            if entry.get("filename") == Path(item.filename).name
            and entry.get("comment") == item.message
            and (shapes.moment(entry.get("created")) or 0.0) >= since
            and entry.get("self") not in taken
        ]
        for entry in same:
            if (yield from self._has_bytes(entry, content)):
                return entry
        return None

    def _has_bytes(self, entry: dict[str, Any], content: str) -> Flow[bool]:
        """Whether the file of a log entry is that one: many have the same name and text."""
        from tempfile import TemporaryDirectory

        url = entry.get("file")
        if not isinstance(url, str):
            return False
        with TemporaryDirectory(prefix="skykey-") as folder:
            return content_id((yield from saved(self._file_at(Url(url)), Path(folder, "file")))) == content

    def _downloaded(
        self, item: tuple[str, str], folder: str | os.PathLike[str], *, again: bool
    ) -> Flow[Outcome[tuple[str, str]]]:
        object_id, name = item
        try:
            inside = path_in(folder, object_id)
            path = path_in(inside, name)
            is_version = name.rpartition(",")[2].isdecimal() and "," in name
            if is_version and path.is_file() and not again:
                advance(done=1)
                return Outcome(item, path, was_done=True)
            inside.mkdir(parents=True, exist_ok=True)
            found = yield from saved(self._file(object_id, name), path)
        except (SkykeyError, OSError) as problem:
            return Outcome(item, error=problem)
        advance(done=1)
        return Outcome(item, found)


def _check(at_once: int) -> None:
    if at_once < 1:
        raise UsageError(f"at least one is under way at a time, not {at_once}")


def _content_of(item: Upload | NewEvent) -> str:
    path = Path(item.filename)
    try:
        return content_id(path)
    except OSError as problem:
        raise UsageError(f"the file {str(path)!r} cannot be read ({problem.strerror})") from problem


def _identity(server: str, item: Upload | NewEvent, content: str) -> Sequence[Any]:
    name = Path(item.filename).name
    if isinstance(item, NewEvent):
        return [server, item.group, item.pipeline, item.search, name, item.labels, item.offline, content]
    return [server, item.object_id, item.message, name, item.tag_name, item.displayName, item.label, content]


def _is_certain(problem: Exception) -> bool:
    """Whether an error leaves no doubt that nothing was done; a server that failed may have failed behind that."""
    if isinstance(problem, TransportError):
        return problem.unsent
    if isinstance(problem, ServiceError):
        is_unknown = isinstance(problem, OutcomeUnknown) or not isinstance(problem, HTTPError)
        return not is_unknown and ((problem.status or 0) < _SERVER_ERRORS or is_undone(problem))
    return not isinstance(problem, OutcomeUnknown)
