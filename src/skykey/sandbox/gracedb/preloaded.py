"""What is in the database at the very first: superevents as the public server has answered them."""

import json
from importlib import resources
from typing import Any

from skykey.sandbox.gracedb import events
from skykey.sandbox.gracedb.store import Store

FILE = "gracedb_superevents.json"


def load(store: Store) -> None:
    """Fill an empty database."""
    text = (resources.files("skykey.sandbox") / "data" / FILE).read_text()
    with store.change():
        for order, row in enumerate(json.loads(text), 1):
            _superevent(store, row, order)


def _superevent(store: Store, row: dict[str, Any], order: int) -> None:
    preferred = _event(store, row.pop("preferred_event_data"), row["superevent_id"])
    facts = row | {"labels": _labels(row), "preferred": preferred, "events": [preferred], "order": order}
    facts |= {"signoffs": [], "is_exposed": True}
    store.add("superevent", row["superevent_id"], facts)


def _event(store: Store, row: dict[str, Any], superevent_id: str) -> int:
    number = int(row["graceid"][1:])
    facts = events.facts_of(row["group"], row["pipeline"], row["search"], row["submitter"], row["created"]) | row
    facts |= {"labels": _labels(row), "superevent": superevent_id, "number": number, "order": number}
    store.add("event", number, facts)
    return number


def _labels(row: dict[str, Any]) -> list[dict[str, str]]:
    return [{"name": name, "creator": row["submitter"], "created": row["created"]} for name in row["labels"]]
