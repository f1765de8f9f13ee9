"""One request as the routes see it: who asks, of which version, and what may be seen and done."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from skykey.sandbox.gracedb import entries
from skykey.sandbox.gracedb.errors import Refused, forbidden, gone, invalid, missing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from starlette.datastructures import QueryParams

    from skykey.sandbox.gracedb.access import Person
    from skykey.sandbox.gracedb.forms import Form
    from skykey.sandbox.gracedb.store import Store, Thing

_UUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_GRACEID = re.compile(r"[A-Z](\d+)")


@dataclass
class Asked:
    """A request. ``here`` is the API's root as its caller knows it, ``is_v2`` says which shapes it gets."""

    store: Store
    person: Person
    now: datetime
    here: str
    is_current: bool
    is_v2: bool
    path: Mapping[str, str]
    query: QueryParams
    form: Form

    @property
    def stamp(self) -> str:
        return f"{self.now:%Y-%m-%d %H:%M:%S} UTC"

    # -- who may do what

    def need(self, allowed: bool) -> None:
        if not allowed:
            raise forbidden(anonymous=self.person.is_anonymous)

    def internal(self) -> None:
        self.need(self.person.is_internal)

    def manager_of(self, category: str) -> None:
        """Admit whoever may alter superevents of a category."""
        self.need(self.person.is_internal and (category == "T" or "superevent_managers" in self.person.groups))

    def until_current(self) -> None:
        """Refuse what the current server has retired."""
        if self.is_current:
            raise gone()

    # -- what is there, for this caller

    def sees(self, thing: Thing) -> bool:
        facts = thing.facts
        if facts.get("is_reserved"):
            return False
        if self.person.is_internal:
            return True
        if thing.key.startswith("event "):
            around = self.store.get("superevent", facts["superevent"])
            return around is not None and bool(around.facts["is_exposed"])
        return bool(facts["is_exposed"])

    def sees_entry(self, entry: Mapping[str, Any]) -> bool:
        """Say whether a log entry, and its file, is shown."""
        if self.person.is_internal:
            return True
        wanted = ["public"] if self.person.is_anonymous else ["public", "lvem"]
        return any(tag["name"] in wanted for tag in entry["tags"])

    @property
    def event(self) -> Thing:
        """The event that the path names: by its id, or by the content that it was made of (the newest such one)."""
        name = self.path["graceid"]
        if _UUID.fullmatch(name):
            same = [one for one in self.store.all("event") if one.facts["content_id"] == name.lower()]
            seen = [one for one in same if self.sees(one)]
            one = max(seen, key=lambda thing: thing.facts["number"], default=None)
        else:
            one = self.numbered(name)
            one = one if one and one.facts["graceid"] == name else None
        if one is None or not self.sees(one):
            raise missing("Event not found.")
        return one

    def numbered(self, graceid: str) -> Thing | None:
        """Return the event with these digits, whatever letter stands before them."""
        digits = _GRACEID.fullmatch(graceid.strip())
        found = self.store.get("event", int(digits[1])) if digits else None
        return None if found is None or found.facts.get("is_reserved") else found

    def named(self, field: str) -> Thing:
        """Return the event that a field of the form names."""
        graceid = self.needed(field)
        found = self.numbered(graceid)
        if found is None:
            raise invalid(f"Event with graceid {graceid} does not exist.")
        return found

    @property
    def superevent(self) -> Thing:
        name = self.path["superevent_id"]
        found = self.store.get("superevent", name)
        if found is None:
            confirmed = (one for one in self.store.all("superevent") if one.facts["gw_id"] == name)
            found = next(confirmed, None)
        if found is None or not self.sees(found):
            raise Refused(404, {"detail": "Superevent not found."})
        return found

    @property
    def thing(self) -> Thing:
        """The event or the superevent that the path names."""
        return self.event if "graceid" in self.path and "superevent_id" not in self.path else self.superevent

    def entry(self, thing: Thing) -> dict[str, Any]:
        """Return the log entry that the path names."""
        entry = entries.numbered(thing.logs, self.path["N"])
        if entry is None or not self.sees_entry(entry):
            raise Refused(404, {"detail": "Log not found."}) if thing.key.startswith("s") else missing("Log not found.")
        return entry

    # -- what was sent

    def needed(self, field: str) -> str:
        value = self.form.get(field)
        if value is None:
            raise invalid(f"{field}: This field is required.")
        return value

    def number(self, field: str) -> float | None:
        """Return a number of the form, None if it was not sent."""
        sent = self.form.get(field)
        try:
            value = None if sent is None else float(sent)
        except ValueError:
            value = float("nan")
        if value is not None and not abs(value) < float("inf"):
            raise invalid(f"{field}: A valid number is required.")
        return value

    # -- what is altered

    def log(self, thing: Thing, comment: str, **more: Any) -> dict[str, Any]:
        """Write a log entry and return it."""
        entry = entries.add(thing, comment, self.person.username, self.stamp, **more)
        self.store.touch(thing, entry["N"])
        return entry
