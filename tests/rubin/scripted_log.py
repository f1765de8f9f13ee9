"""A log's service that does what a test says: rows in memory, filters by day, order, offset and limit."""

import json
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.wire.server import Answer, Seen, as_json, reply

TOKEN = "gt-aaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbb"
AUTH = ("user", TOKEN)
Row = dict[str, Any]


def identity(number: int) -> str:
    return str(uuid.UUID(int=number))


def message(number: int, begin: str | None = "2025-06-20T23:00:00", **more: Any) -> Row:
    """A narrative message as the service sends it."""
    lists = dict.fromkeys(
        ("systems", "subsystems", "cscs", "components", "primary_software_components", "primary_hardware_components")
    )
    return {
        "id": identity(number),
        "site_id": "summit",
        "message_text": f"message {number}",
        "level": 20,
        "tags": [],
        "urls": [],
        "time_lost": 0.0,
        "date_begin": begin,
        "user_id": "ada",
        "user_agent": "LOVE",
        "is_human": True,
        "is_valid": True,
        "date_added": "2025-06-20T23:01:00.123456",
        "date_invalidated": None,
        "parent_id": None,
        **lists,
        "date_end": begin,
        "category": None,
        "time_lost_type": None,
        "components_json": None,
        **more,
    }


def report(number: int, **more: Any) -> Row:
    """A night report as the service sends it."""
    return {
        "id": identity(number),
        "site_id": "summit",
        "day_obs": 20250620,
        "summary": f"report {number}",
        "weather": None,
        "maintel_summary": None,
        "auxtel_summary": None,
        "confluence_url": "",
        "user_id": "ada",
        "user_agent": "LOVE",
        "date_added": "2025-06-21T10:00:00",
        "date_sent": None,
        "is_valid": True,
        "date_invalidated": None,
        "parent_id": None,
        "observers_crew": ["A B", "C D"],
        **more,
    }


class ScriptedLog:
    """Answers as the services do.

    Parameters
    ----------
    rows
        What is in it.
    before
        Called with the number of each question before it is answered; may change `rows`.
    """

    def __init__(self, rows: list[Row], before: Callable[[int], None] = lambda _: None) -> None:
        self.rows = rows
        self.asked: list[dict[str, list[str]]] = []
        self._before = before

    def __call__(self, seen: Seen) -> Answer:
        if seen.headers.get("authorization") != f"Bearer {TOKEN}":
            return reply(401, "", WWW_Authenticate='Bearer realm="x"')
        asked = parse_qs(urlsplit(seen.target).query, keep_blank_values=True)
        self._before(len(self.asked))
        self.asked.append(asked)
        return as_json(
            json.dumps(self.page(asked.get("order_by", []), int(asked["offset"][0]), int(asked["limit"][0])))
        )

    def page(self, order: list[str], offset: int, limit: int) -> list[Row]:
        found = list(self.rows)
        for name in reversed(order):
            found.sort(key=lambda row: (row[name.lstrip("-")] is None, row[name.lstrip("-")] or ""))
            if name.startswith("-"):
                found.reverse()
        return found[offset : offset + limit]
