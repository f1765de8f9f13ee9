"""One request as the routes see it: who asks, of which version, and what may be seen and done."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.datastructures import QueryParams

from skykey.sandbox.gracedb import entries
from skykey.sandbox.gracedb.access import Person
from skykey.sandbox.gracedb.entries import Entry
from skykey.sandbox.gracedb.errors import Refused, forbidden, gone, invalid, missing
from skykey.sandbox.gracedb.forms import Form
from skykey.sandbox.gracedb.store import Store, Thing

_UUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_GRACEID = re.compile(r"[A-Z](\d{1,15})")


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

    def internal(self, group: str = "internal_users") -> None:
        """Admit members of the collaboration, or of a group of them."""
        self.need(self.person.is_internal and group in self.person.groups)

    def manager_of(self, category: str) -> None:
        """Admit whoever may alter superevents of a category."""
        self.internal("internal_users" if category == "T" else "superevent_managers")

    def since_current(self) -> None:
        """Refuse what the classic server does not have."""
        if not self.is_current:
            raise Refused(404, {"detail": "Not found."})

    def until_current(self) -> None:
        """Refuse what the current server has retired."""
        if self.is_current:
            raise gone()

    # -- what is there, for this caller

    def sees(self, thing: Thing) -> bool:
        if "is_reserved" in thing.facts:
            return False
        if self.person.is_internal:
            return True
        around = self.store.get("superevent", thing.facts["superevent"]) if thing.is_event else thing
        return around is not None and bool(around.facts["is_exposed"])

    def sees_entry(self, entry: Entry) -> bool:
        """Say whether a log entry, and its file, is shown."""
        wanted = {"public"} if self.person.is_anonymous else {"public", "lvem"}
        return self.person.is_internal or not wanted.isdisjoint(tag["name"] for tag in entry["tags"])

    @property
    def event(self) -> Thing:
        """The event that the path names: by its id, or by the content that it was made of (the newest such one)."""
        name = self.path["graceid"]
        if _UUID.fullmatch(name):
            same = [one for one in self.store.all("event") if one.facts["content_id"] == name.lower()]
        else:
            one = self.numbered(name)
            same = [one] if one and one.facts["graceid"] == name else []
        seen = [one for one in same if self.sees(one)]
        if not seen:
            raise Refused(404, "Event not found.")
        return max(seen, key=lambda one: int(one.facts["number"]))

    def numbered(self, graceid: str) -> Thing | None:
        """Return the event with these digits, whatever letter stands before them."""
        digits = _GRACEID.fullmatch(graceid.strip())
        found = self.store.get("event", int(digits[1])) if digits else None
        return None if found is None or "is_reserved" in found.facts else found

    def named(self, graceid: str) -> Thing:
        """Return the event that a field of the form names."""
        found = self.numbered(graceid)
        if found is None:
            raise invalid(f"Event with graceid {graceid} does not exist.")
        return found

    def member(self, number: int) -> Thing:
        """Return an event that a superevent has: events stay."""
        found = self.store.get("event", number)
        assert found is not None  # noqa: S101 - see above
        return found

    @property
    def superevent(self) -> Thing:
        name = self.path["superevent_id"]
        found = self.store.get("superevent", name)
        if found is None:
            found = next((one for one in self.store.all("superevent") if one.facts["gw_id"] == name), None)
        if found is None or not self.sees(found):
            raise missing("Superevent")
        return found

    @property
    def thing(self) -> Thing:
        """The event or the superevent that the path names."""
        return self.superevent if "superevent_id" in self.path else self.event

    def entry(self, thing: Thing) -> Entry:
        """Return the log entry that the path names."""
        entry = self.row(thing.logs, thing, "Log")
        if not self.sees_entry(entry):
            raise missing("Log", thing)
        return entry

    def row(self, rows: list[Entry], owner: Thing, what: str) -> Entry:
        """Return the one of numbered rows that the path names."""
        found = entries.numbered(rows, self.path["N"])
        if found is None:
            raise missing(what, owner)
        return found

    # -- what was sent

    def needed(self, field: str) -> str:
        value = self.form.get(field)
        if value is None:
            raise invalid(f"{field}: This field is required.")
        return value

    def chosen(self, field: str, known: Any) -> str:
        value = self.needed(field)
        if value not in known:
            raise invalid(f'"{value}" is not a valid choice.')
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

    def log(self, thing: Thing, comment: str, **more: Any) -> Entry:
        """Write a log entry and return it."""
        entry = entries.add(thing, comment, self.person.username, self.stamp, **more)
        self.store.touch(thing, entry["N"])
        return entry
