"""The tables of the three logs, and what a new row of each must and may say."""

import operator
from dataclasses import dataclass
from typing import Any

from skykey.sandbox.logs.table import Parameter, Table, holds
from skykey.sandbox.logs.values import KINDS, bounded

_JIRA = "components primary_software_components primary_hardware_components"
_PARTS = f"systems subsystems cscs {_JIRA}"
_PEOPLE = "user_id user_agent"
_LIFE = "is_human:bool is_valid:bool {} date_added:date date_invalidated:date parent_id"
_LISTED = KINDS["texts"]
_LEAST = bounded("greater than or equal to", "not_ge", 1, operator.ge)
_MOST = bounded("less than or equal to", "not_le", 2, operator.le)


def _holds_any(value: Any, asked: list[Any]) -> bool:
    return any(holds(value, part) for part in asked)


MESSAGES = Table(
    "id site_id message_text level:int tags:texts urls:texts time_lost:duration date_begin:date user_id user_agent "
    f"{_LIFE.format('')} systems:texts subsystems:texts cscs:texts date_end:date "
    f"{_JIRA.replace(' ', ':texts ')}:texts category time_lost_type components_json:dict",
    {
        "among": f"site_id {_PEOPLE}",
        "like": "message_text",
        "overlap": f"tags urls {_PARTS}",
        "apart": f"tags {_PARTS}",
        "within": "level time_lost date_begin date_end date_added date_invalidated",
        "present": "date_begin date_end date_invalidated parent_id",
        "either": "is_human is_valid",
    },
    {
        "components_path": Parameter(_LISTED, True, "components_json", _holds_any),
        "exclude_components_path": Parameter(_LISTED, True, "components_json", lambda *both: not _holds_any(*both)),
    }
    # 0.7.0 declares these and then forgets them.
    | {
        f"{prefix}{name}": Parameter(_LISTED, is_list=True)
        for prefix in ("", "exclude_")
        for name in ("categories", "time_lost_types")
    },
)
EXPOSURE_MESSAGES = Table(
    f"id site_id obs_id instrument day_obs:int seq_num:int message_text level:int tags:texts urls:texts {_PEOPLE} "
    f"{_LIFE.format('exposure_flag:flag')}",
    {
        "among": f"site_id instrument {_PEOPLE} exposure_flag",
        "like": "obs_id message_text",
        "within": "day_obs seq_num level date_added date_invalidated",
        "overlap": "tags urls",
        "apart": "tags",
        "present": "date_invalidated parent_id",
        "either": "is_human is_valid",
    },
)
EXPOSURES = Table(
    "obs_id id:int instrument observation_type observation_reason day_obs:int seq_num:int group_name target_name "
    "science_program tracking_ra tracking_dec sky_angle timespan_begin:date timespan_end:date",
    {"within": "day_obs seq_num", "among": "group_name observation_reason observation_type"},
    {
        "registry": Parameter(lambda value: _MOST(_LEAST(value))),
        "instrument": Parameter(KINDS["text"], field="instrument"),
        "min_date": Parameter(KINDS["date"], field="timespan_end", test=operator.gt),
        "max_date": Parameter(KINDS["date"], field="timespan_begin", test=operator.lt),
    },
    least=0,
    required="instrument",
)
REPORTS = Table(
    f"id site_id day_obs:int summary weather maintel_summary auxtel_summary confluence_url {_PEOPLE} date_added:date "
    "date_sent:date is_valid:bool date_invalidated:date parent_id observers_crew:texts",
    {
        "among": f"site_id {_PEOPLE}",
        "like": "summary weather maintel_summary auxtel_summary",
        "within": "day_obs date_added date_sent",
        "either": "is_valid",
        "present": "parent_id",
    },
)


@dataclass(frozen=True)
class Log:
    """One log over HTTP.

    ``needed`` is what a new row must say, ``optional`` what it holds where nothing was said; an edit leaves ``fixed``
    as it was. ``edited`` is what a row to be edited is called where it is missing.
    """

    name: str
    table: Table
    noun: str
    needed: str
    optional: dict[str, Any]
    fixed: str = ""
    edited: str = "Message"


LOGS = (
    Log(
        "narrativelog",
        MESSAGES,
        "message",
        f"message_text level {_PEOPLE} is_human",
        {"tags": [], "urls": [], "time_lost": 0.0}
        | dict.fromkeys(f"{_PARTS} components_json category time_lost_type date_begin date_end".split()),
    ),
    Log(
        "exposurelog",
        EXPOSURE_MESSAGES,
        "message",
        f"obs_id instrument message_text {_PEOPLE} is_human",
        {"level": 20, "tags": [], "urls": [], "exposure_flag": "none"},
        fixed="obs_id instrument",
    ),
    Log(
        "nightreport",
        REPORTS,
        "report",
        f"day_obs summary confluence_url {_PEOPLE}",
        {"weather": None, "maintel_summary": None, "auxtel_summary": None, "observers_crew": []},
        edited="NightReport",
    ),
)
