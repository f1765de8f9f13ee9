"""A night report as HTML: the documented pieces, with everything that people wrote escaped."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urlsplit

_SUMMARIES: Final = {"AuxTel": ("auxtel_summary",), "Simonyi": ("maintel_summary",)}
_BOTH: Final = "maintel_summary", "auxtel_summary"


def format_night_report(night_reports: list[dict[str, Any]] | dict[str, Any], telescope: str | None = None) -> str:
    r"""A report as HTML.

    Parameters
    ----------
    night_reports
        One report, or several, of which the first is shown: from `query_night_report` that is the latest.
    telescope
        Whose summary to show: ``AuxTel`` (also ``aux``) or ``Simonyi`` (also ``main``); both for anything else.

    Returns
    -------
    str
        Text that people wrote is escaped, and a link is one only if it leads to a page of the web. What the report
        does not say is left out. For no report a sentence.

    Examples
    --------
    >>> format_night_report({"observers_crew": ["A B"], "summary": "Clouds\n\n& wind"})
    "<p> <strong>Observing crew: </strong> ['A B'] <br><p> <strong>Summary:</strong><br>Clouds<br>&amp; wind"
    """
    report = night_reports if isinstance(night_reports, dict) else next(iter(night_reports), None)
    if report is None:
        return "<p>There is no night report."
    html = ""
    if (crew := report.get("observers_crew")) is not None:
        html += f"<p> <strong>Observing crew: </strong> {_escaped(str(crew))} <br>"
    if plan := report.get("confluence_url"):
        html += f"<p> <strong>Night plan: </strong> {_link(str(plan))} <br>"
    html += _piece("<strong>Summary:</strong>", report.get("summary"))
    for name in _SUMMARIES.get(_telescope(telescope), _BOTH):
        html += _piece(f"<strong> {name.replace('_', ' ')}: </strong>", report.get(name))
    html += _piece("<strong>Status:</strong>", report.get("telescope_status"))
    return html + _piece("<strong>Weather:</strong>", report.get("weather"))


def none_for(day_obs: int) -> str:
    """What to say of a night without a report."""
    return f"<p>There is no night report for {day_obs}."


def _telescope(given: str | None) -> str:
    lowered = (given or "").lower()
    if lowered.startswith("aux"):
        return "AuxTel"
    return "Simonyi" if lowered.startswith(("main", "simonyi")) else ""


def _piece(title: str, text: Any) -> str:
    if text is None:
        return ""
    lines = re.sub(r"\n{2,}", "\n", str(text).replace("\r\n", "\n"))
    return f"<p> {title}<br>{_escaped(lines).replace(chr(10), '<br>')}"


def _link(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return _escaped(url)
    if parts.scheme not in {"http", "https"}:
        return _escaped(url)  # javascript: would be run by whoever clicks it
    _, block, number = parts.fragment.rpartition("BLOCK")
    # Without a number there is nothing that tells the plans apart but their address.
    text = block + number if number and block else url
    return f"<a href='{_escaped(url, quote=True)}' target='_blank' ref='noreferrer noopener'>{_escaped(text)}</a>"


def _escaped(text: str, *, quote: bool = False) -> str:
    # Between tags quotes mean nothing, and the release has them as they are.
    from html import escape

    return escape(text, quote=quote)
