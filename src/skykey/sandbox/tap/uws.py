"""Jobs as documents."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from skykey.sandbox.tap.votable import escaped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from skykey.sandbox.tap.jobs import Job

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SPACES = (
    'xmlns:uws="http://www.ivoa.net/xml/UWS/v1.0" xmlns:xlink="http://www.w3.org/1999/xlink" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" version="1.1"'
)


def moment(seconds: float) -> str:
    """Write a time as UWS has it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds(text: str) -> float:
    """Read a time; raises `ValueError`."""
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def job(one: Job, url: str) -> str:
    """Return the document of one job."""
    times = {"quote": None, "creationTime": one.created, "startTime": one.started, "endTime": one.ended}
    parts = [f"<uws:jobId>{one.id}</uws:jobId>", f"<uws:ownerId>{escaped(one.owner)}</uws:ownerId>"]
    parts += [f"<uws:phase>{one.phase}</uws:phase>", *(_time(name, value) for name, value in times.items())]
    parts += [f"<uws:executionDuration>{one.duration}</uws:executionDuration>", _time("destruction", one.destruction)]
    parts += [f"<uws:parameters>{''.join(_parameters(one))}</uws:parameters>", results(one, url, inner=True)]
    if one.words:
        message = f"<uws:message>{escaped(one.words)}</uws:message>"
        parts.append(f'<uws:errorSummary type="fatal" hasDetail="true">{message}</uws:errorSummary>')
    return f"{_HEAD}<uws:job {_SPACES}>\n" + "\n".join(parts) + "\n</uws:job>\n"


def jobs(found: Iterable[Job], url: str) -> str:
    """Return the document of many."""
    refs = (
        f'<uws:jobref id="{one.id}" xlink:href="{url}/{one.id}"><uws:phase>{one.phase}</uws:phase>'
        f"<uws:ownerId>{escaped(one.owner)}</uws:ownerId>{_time('creationTime', one.created)}</uws:jobref>\n"
        for one in found
    )
    return f"{_HEAD}<uws:jobs {_SPACES}>\n{''.join(refs)}</uws:jobs>\n"


def parameters(one: Job) -> str:
    return f"{_HEAD}<uws:parameters {_SPACES}>{''.join(_parameters(one))}</uws:parameters>\n"


def results(one: Job, url: str, *, inner: bool = False) -> str:
    found = ""
    if one.phase in ("COMPLETED", "ARCHIVED") and one.result:
        found = f'<uws:result id="result" xlink:href="{url}/results/result" mime-type="{escaped(one.result.kind)}"/>'
    return f"<uws:results>{found}</uws:results>" if inner else f"{_HEAD}<uws:results {_SPACES}>{found}</uws:results>\n"


def _parameters(one: Job) -> Iterable[str]:
    for name, value in one.parameters.items():
        yield f'<uws:parameter id="{escaped(name)}">{escaped(value)}</uws:parameter>'


def _time(name: str, value: float | None) -> str:
    return f'<uws:{name} xsi:nil="true"/>' if value is None else f"<uws:{name}>{moment(value)}</uws:{name}>"
