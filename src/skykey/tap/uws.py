"""Jobs as a service describes them (UWS, the Universal Worker Service pattern)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from skykey.calls.refusals import shortened
from skykey.tap.documents import BadDocument

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from skykey.tap.documents import Element
    from skykey.values.url import Url
    from skykey.wire.request import Head

COMPLETED: Final = "COMPLETED"
PENDING: Final = "PENDING"
UNDER_WAY: Final = frozenset({PENDING, "QUEUED", "EXECUTING", "SUSPENDED", "UNKNOWN"})
"""Phases that others follow without anybody doing anything; but for PENDING, which waits to be started."""
PHASES: Final = UNDER_WAY | {COMPLETED, "ERROR", "ABORTED", "HELD", "ARCHIVED"}
_MAIN: Final = "result"


@dataclass(frozen=True, slots=True)
class JobStatus:
    """What a service says of one job.

    Parameters
    ----------
    url
        Where the job is.
    id
        Its name there.
    phase
        In capitals: ``QUEUED``, ``EXECUTING``, ``COMPLETED``, …
    owner, run_id
        Whose it is, and what its owner called it; None if nobody said.
    created, started, ended, destruction
        When, in ISO 8601 as the service writes it; None for what has not been. At its destruction time the service
        forgets the job and its result.
    execution_seconds
        How long it may run; None for no limit.
    results
        Where its results are, by their names.
    error
        In the service's words; None if it says nothing.
    is_transient
        Whether the service says that the same question may work another time.
    has_detail
        Whether there is more to be read about the error.
    parameters
        What it was asked, by names in capitals, as far as the service says.
    """

    url: Url
    id: str
    phase: str
    owner: str | None = None
    run_id: str | None = None
    created: str | None = None
    started: str | None = None
    ended: str | None = None
    destruction: str | None = None
    execution_seconds: float | None = None
    results: Sequence[tuple[str, str]] = field(default=(), repr=False)  # a signature in one lets anybody read it
    error: str | None = None
    is_transient: bool = False
    has_detail: bool = False
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def result(self) -> str | None:
        """Where the result is, as the service writes it; None if it names none."""
        by_name = dict(reversed(self.results))
        return by_name.get(_MAIN) or (self.results[0][1] if self.results else None)

    @property
    def ran_out_of_time(self) -> bool:
        """Whether it ran as long as it was allowed to: a service aborts it then, without a word."""
        seconds = self._ran()
        return self.execution_seconds is not None and seconds is not None and seconds >= self.execution_seconds

    def _ran(self) -> float | None:
        from datetime import UTC, datetime

        try:
            begin, end = (datetime.fromisoformat(text or "") for text in (self.started, self.ended))
        except ValueError:
            return None
        begin, end = (when if when.tzinfo else when.replace(tzinfo=UTC) for when in (begin, end))
        return (end - begin).total_seconds()


def name_of(url: Url) -> str | None:
    """The name of the job that is here, or that this is a part of; None if it is none.

    Examples
    --------
    >>> from skykey.values.url import Url
    >>> name_of(Url("https://a.example/tap/async/7/results/result")), name_of(Url("https://a.example/tap/async"))
    ('7', None)
    """
    from urllib.parse import unquote

    _, home, below = url.path.rpartition("/async/")
    name = unquote(below.partition("/")[0])
    return name if home and name and "/" not in name and not set(name) <= {"."} else None


def is_whole(url: Url) -> bool:
    """Whether this is where a job is, and not the list of jobs, or a part of one."""
    return name_of(url) is not None and "/" not in url.path.rpartition("/async/")[2].rstrip("/")


def read(head: Head, document: Element) -> JobStatus:
    """Make it of a job's document.

    Raises
    ------
    BadDocument
        If it is another one, or has no phase.
    """
    if document.name != "job":
        raise BadDocument(f"a document of the kind {document.name[:40]}")
    return _status(head.url, document)


def read_list(head: Head, document: Element) -> list[JobStatus]:
    """The jobs of a list, of which less is told than of one.

    Raises
    ------
    BadDocument
        If it is another document.
    """
    if document.name != "jobs":
        raise BadDocument(f"a document of the kind {document.name[:40]}")
    from skykey.values.url import Url, segment

    base = Url(head.url.without_query())
    found = []
    for job in document.all("jobref"):
        name = job.attributes.get("id") or ""
        if name and name not in {".", ".."}:
            found.append(_status(base / segment(name), job, name))
    return found


def _status(url: Url, job: Element, name: str | None = None) -> JobStatus:
    phase = (job.said("phase") or "").upper()
    if not phase:
        raise BadDocument("a job without a phase")
    summary = job.first("errorSummary")
    results, parameters = job.first("results"), job.first("parameters")
    from skykey.values.url import Url

    return JobStatus(
        url=Url(url.without_query()),
        id=shortened(name or job.said("jobId") or url.path.rpartition("/")[2]),
        phase=shortened(phase),
        owner=_shown(job, "ownerId"),
        run_id=_shown(job, "runId"),
        created=_shown(job, "creationTime"),
        started=_shown(job, "startTime"),
        ended=_shown(job, "endTime"),
        destruction=_shown(job, "destruction"),
        execution_seconds=_seconds(job.said("executionDuration")),
        results=[
            (each.attributes.get("id", ""), each.attributes["href"])
            for each in (results.all("result") if results else ())
            if each.attributes.get("href")
        ],
        error=shortened(summary.said("message") or summary.text) or None if summary else None,
        is_transient=summary is not None and summary.attributes.get("type", "").lower() == "transient",
        has_detail=summary is not None and summary.attributes.get("hasDetail", "").lower() in {"true", "1"},
        parameters={
            each.attributes.get("id", "").upper(): each.text
            for each in (parameters.all("parameter") if parameters else ())
            if each.attributes.get("byReference", "false").lower() in {"false", "0"}
        },
    )


def _shown(job: Element, name: str) -> str | None:
    return shortened(job.said(name) or "") or None


def _seconds(text: str | None) -> float | None:
    try:
        seconds = float(text or 0)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds > 0 else None
