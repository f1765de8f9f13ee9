"""What each log holds and can be asked: narrativelog 0.7, exposurelog 1.3, nightreport."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from skykey.rubin.logs.parameters import (
    DATE,
    DAY,
    DOCUMENT,
    EITHER,
    FLAG,
    PATHS,
    SECONDS,
    TAGS,
    TEXT,
    TEXTS,
    WHOLE,
    Kind,
    at_least,
    one_of,
    order,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_ROWS: Final = 50_000
"""How many rows a question asks for if it names no limit (the release's number)."""

_FLAGS: Final = "none", "junk", "questionable"
_JIRA: Final = "components", "primary_software_components", "primary_hardware_components"
_PARTS: Final = ("systems", "subsystems", "cscs", *_JIRA)


@dataclass(frozen=True, slots=True)
class Log:
    """One table of a service.

    Parameters
    ----------
    path
        Below the site's root.
    noun
        What one row is called.
    fields
        The columns in the service's order, by what they hold: ``text``, ``whole``, ``number``, ``flag``, ``texts``,
        ``date`` (text on a TAI clock), ``seconds`` (a number or an ISO 8601 duration), ``document`` (JSON).
    filters
        Its parameters but for those of paging.
    unordered
        Fields that it does not sort by.
    least
        The smallest limit that it takes.
    written
        What a new row may say.
    fixed
        What of that an edit cannot change.
    moved
        What only an edit can.
    """

    path: str
    noun: str
    fields: Mapping[str, str]
    filters: Mapping[str, Kind]
    unordered: tuple[str, ...] = ()
    least: int = 2
    written: Mapping[str, Kind] = field(default_factory=dict)
    fixed: tuple[str, ...] = ()
    moved: tuple[str, ...] = ("site_id",)

    @property
    def parameters(self) -> dict[str, Kind]:
        """All that it can be asked with."""
        return {
            **self.filters,
            "order_by": order(name for name in self.fields if name not in self.unordered),
            "offset": at_least(0),
            "limit": at_least(self.least),
        }


def _within(kind: Kind, *names: str) -> dict[str, Kind]:
    return {f"{edge}_{name}": kind for name in names for edge in ("min", "max")}


def _given(*names: str) -> dict[str, Kind]:
    return {f"has_{name}": FLAG for name in names}


_MADE: Final = {
    "user_id": "text",
    "user_agent": "text",
    "is_human": "flag",
    "is_valid": "flag",
}
_LIFE: Final = {"date_added": "date", "date_invalidated": "date", "parent_id": "text"}
_MESSAGE: Final = {
    "site_ids": TEXTS,
    "message_text": TEXT,
    **_within(WHOLE, "level"),
    "user_ids": TEXTS,
    "user_agents": TEXTS,
    "tags": TAGS,
    "exclude_tags": TAGS,
    "urls": TEXTS,
    "is_human": EITHER,
    "is_valid": EITHER,
    **_within(DATE, "date_added", "date_invalidated"),
    **_given("date_invalidated", "parent_id"),
}
_WRITER: Final = {"user_id": TEXT, "user_agent": TEXT}
_NOTE: Final = {
    "message_text": TEXT,
    "level": WHOLE,
    **_WRITER,
    "is_human": FLAG,
    "tags": TAGS,
    "urls": TEXTS,
    "site_id": TEXT,
}

NARRATIVE: Final = Log(
    "narrativelog/messages",
    "message",
    {
        "id": "text",
        "site_id": "text",
        "message_text": "text",
        "level": "whole",
        "tags": "texts",
        "urls": "texts",
        "time_lost": "seconds",
        "date_begin": "date",
        **_MADE,
        **_LIFE,
        "systems": "texts",
        "subsystems": "texts",
        "cscs": "texts",
        "date_end": "date",
        **dict.fromkeys(_JIRA, "texts"),
        "category": "text",
        "time_lost_type": "text",
        "components_json": "document",
    },
    {
        **_MESSAGE,
        **{f"{without}{name}": TEXTS for name in ("categories", "time_lost_types") for without in ("", "exclude_")},
        **{f"{without}{name}": TEXTS for name in _PARTS for without in ("", "exclude_")},
        "components_path": PATHS,
        "exclude_components_path": PATHS,
        **_within(SECONDS, "time_lost"),
        **_within(DATE, "date_begin", "date_end"),
        **_given("date_begin", "date_end"),
    },
    written={
        **_NOTE,
        **dict.fromkeys(_PARTS, TEXTS),
        "components_json": DOCUMENT,
        "category": TEXT,
        "time_lost_type": TEXT,
        "time_lost": SECONDS,
        "date_begin": DATE,
        "date_end": DATE,
    },
)

EXPOSURE: Final = Log(
    "exposurelog/messages",
    "message",
    {
        "id": "text",
        "site_id": "text",
        "obs_id": "text",
        "instrument": "text",
        "day_obs": "whole",
        "seq_num": "whole",
        "message_text": "text",
        "level": "whole",
        "tags": "texts",
        "urls": "texts",
        **_MADE,
        "exposure_flag": "text",
        **_LIFE,
    },
    {
        **_MESSAGE,
        "obs_id": TEXT,
        "instruments": TEXTS,
        **_within(DAY, "day_obs"),
        **_within(WHOLE, "seq_num"),
        "exposure_flags": one_of(*_FLAGS, several=True),
    },
    written={
        **_NOTE,
        "obs_id": TEXT,
        "instrument": TEXT,
        "exposure_flag": one_of(*_FLAGS),
        "is_new": FLAG,
    },
    fixed=("obs_id", "instrument", "is_new"),
)

EXPOSURES: Final = Log(
    "exposurelog/exposures",
    "exposure",
    {
        "obs_id": "text",
        "id": "whole",
        "instrument": "text",
        "observation_type": "text",
        "observation_reason": "text",
        "day_obs": "whole",
        "seq_num": "whole",
        "group_name": "text",
        "target_name": "text",
        "science_program": "text",
        "tracking_ra": "number",
        "tracking_dec": "number",
        "sky_angle": "number",
        "timespan_begin": "date",
        "timespan_end": "date",
    },
    {
        "registry": at_least(1),
        "instrument": TEXT,
        **_within(DAY, "day_obs"),
        **_within(WHOLE, "seq_num"),
        "group_names": TEXTS,
        "observation_reasons": TEXTS,
        "observation_types": TEXTS,
        "min_date": DATE,
        "max_date": DATE,
    },
    unordered=("instrument",),
    least=1,
)

REPORTS: Final = Log(
    "nightreport/reports",
    "report",
    {
        "id": "text",
        "site_id": "text",
        "day_obs": "whole",
        "summary": "text",
        "weather": "text",
        "maintel_summary": "text",
        "auxtel_summary": "text",
        "confluence_url": "text",
        "user_id": "text",
        "user_agent": "text",
        "date_added": "date",
        "date_sent": "date",
        "is_valid": "flag",
        "date_invalidated": "date",
        "parent_id": "text",
        "observers_crew": "texts",
    },
    {
        "site_ids": TEXTS,
        "summary": TEXT,
        "weather": TEXT,
        "maintel_summary": TEXT,
        "auxtel_summary": TEXT,
        "user_ids": TEXTS,
        "user_agents": TEXTS,
        **_within(DAY, "day_obs"),
        **_within(DATE, "date_added", "date_sent"),
        "is_valid": EITHER,
        **_given("parent_id"),
    },
    written={
        "day_obs": DAY,
        "summary": TEXT,
        "weather": TEXT,
        "maintel_summary": TEXT,
        "auxtel_summary": TEXT,
        "confluence_url": TEXT,
        **_WRITER,
        "observers_crew": TEXTS,
        "site_id": TEXT,
    },
)

LOGS: Final = NARRATIVE, EXPOSURE, EXPOSURES, REPORTS
