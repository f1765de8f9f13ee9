"""A night report as text, for a terminal or a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from skykey.cli.output import visible, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PLAN: Final = "Night plan"
"""The title above the plan's address."""
_SUMMARIES: Final = {"Simonyi": ("maintel_summary",), "AuxTel": ("auxtel_summary",)}
_BOTH: Final = ("maintel_summary", "auxtel_summary")
_TITLES: Final = {
    "summary": "Summary",
    "maintel_summary": "Simonyi",
    "auxtel_summary": "AuxTel",
    "telescope_status": "Status",
    "weather": "Weather",
}


def head(report: Mapping[str, Any]) -> str:
    """Which report it is: the night, when it was sent and by whom."""
    from skykey.rubin.instants import rfc3339
    from skykey.rubin.logs.times import utc_of

    words = [f"Night report {report.get('day_obs')}"]
    sent, added = utc_of(report.get("date_sent")), utc_of(report.get("date_added"))
    if sent is not None or added is not None:
        when = rfc3339(sent if sent is not None else added or 0)[:16].replace("T", " ")
        words.append(f"{'sent' if sent is not None else 'not sent; written'} {when} UTC")
    if report.get("user_id"):
        words.append(f"by {report['user_id']}")
    return visible(", ".join(words))


def pieces(report: Mapping[str, Any], telescope: str | None = None) -> list[tuple[str, str]]:
    """What it says, with titles; what it does not say is left out.

    Parameters
    ----------
    report
        As the service has it.
    telescope
        Whose summary: ``Simonyi`` or ``AuxTel``; both if it is None.
    """
    crew, plan = report.get("observers_crew") or (), report.get("confluence_url")
    found = [("Observers", ", ".join(map(str, crew)))] if crew else []
    found += [(PLAN, str(plan))] if plan else []
    for name in ("summary", *_SUMMARIES.get(telescope or "", _BOTH), "telescope_status", "weather"):
        if text := str(report.get(name) or "").strip():
            found.append((_TITLES[name], text))
    return found


def lines(report: Mapping[str, Any], telescope: str | None = None) -> Iterator[str]:
    """The report as lines of text."""
    yield head(report)
    for title, text in pieces(report, telescope):
        yield ""
        yield title
        for line in text.splitlines():
            if line.strip():
                yield wrapped(line, first="    ", rest="    ")
