"""The examples of the user guide in its order, for whoever ``ligo.gracedb`` is.

Arguments: an event file, a newer one, and where to write what came of each example.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

from ligo.gracedb.exceptions import HTTPError  # type: ignore[import-not-found]
from ligo.gracedb.rest import GraceDb  # type: ignore[import-not-found]

EVENT_FILE, NEWER_FILE, TOLD = sys.argv[1:]
KINDS = (HTTPError, OSError, ValueError, TypeError, NameError, RuntimeError)
told: dict[str, Any] = {}


def example(name: str) -> Callable[[Callable[[], Any]], Any]:
    """Run an example at once, and note its result or its error."""

    def run(function: Callable[[], Any]) -> Any:
        try:
            told[name] = function()
        except Exception as error:  # noqa: BLE001 - which one is what is asked
            kinds = [kind.__name__ for kind in KINDS if isinstance(error, kind)]
            names = ("status_code", "reason", "text") if isinstance(error, HTTPError) else ()
            more = [getattr(error, name) for name in names]
            told[name] = {"raised": kinds, "more": more}
        return told[name]

    return run


def shown(response: Any) -> Any:
    """All that the guide says one may ask of a response."""
    body = response.json() if response.content else None
    return {
        "status": [response.status, response.status_code],
        "reason": response.reason,
        "ok": response.ok,
        "json": body,
        "location": response.headers.get("location"),
        "url": response.url,
    }


client = GraceDb()
playground = GraceDb(service_url="https://gracedb-playground.ligo.org/api/")


@example("another server by its URL")
def _() -> Any:
    return playground.ping().url


@example("who the server thinks I am")
def _() -> Any:
    return client.get_user_info().json()


@example("nobody")
def _() -> Any:
    return GraceDb(force_noauth=True).get_user_info().json()


@example("a token that is kept fresh")
def _() -> Any:
    return GraceDb(reload_cred=True, reload_buffer=600, fail_if_noauth=True).get_user_info().json()


@example("kinds of credentials")
def _() -> Any:
    return sorted(client.auth_type)


@example("create an event")
def created() -> Any:
    response = client.create_event("CBC", "gstlal", EVENT_FILE, search="AllSky")
    return shown(response)


event = created["json"]["graceid"]


@example("create a test event")
def _() -> Any:
    return shown(client.create_event("Test", "gstlal", EVENT_FILE, search="LowMass", labels=["INJ"], offline=True))


@example("names to choose from")
def _() -> Any:
    return {"groups": client.groups, "pipelines": client.pipelines, "searches": client.searches}


@example("a group that there is not")
def _() -> Any:
    return client.create_event("Nonsense", "gstlal", EVENT_FILE)


@example("all that the server says of itself")
def _() -> Any:
    return {
        name: getattr(client, name)
        for name in (
            "api_versions",
            "server_version",
            "links",
            "templates",
            "allowed_labels",
            "em_groups",
            "voevent_types",
            "superevent_categories",
            "instruments",
            "signoff_types",
            "signoff_statuses",
        )
    }


@example("update an event")
def _() -> Any:
    return shown(client.replace_event(event, NEWER_FILE))


@example("the event is another one then")
def _() -> Any:
    return client.event(event).json()["gpstime"]


@example("search for events")
def _() -> Any:
    event_iterator = client.events("far < 1e-10")
    return [found["graceid"] for found in event_iterator]


@example("search for events, all of their data")
def _() -> Any:
    return list(client.events("MDC created: 2024-07-16 .. 2024-07-17", orderby="gpstime", max_results=7))


@example("a search over many pages")
def _() -> Any:
    return [found["graceid"] for found in client.events("mdc", count=20)]


@example("count events")
def _() -> Any:
    return client.num_events("MDC")


@example("a query that is none")
def _() -> Any:
    return list(client.events("nonsense here"))


@example("an individual event")
def _() -> Any:
    response = client.event(event)
    return response.json()


@example("an event that there is not")
def _() -> Any:
    return client.event("G99999999")


@example("create a superevent")
def superevent_created() -> Any:
    return shown(client.create_superevent(1238350677, 1238350680, 1238350682, event))


superevent = superevent_created["json"]["superevent_id"]
second = client.create_event("CBC", "gstlal", NEWER_FILE, search="AllSky").json()["graceid"]


@example("update a superevent")
def _() -> Any:
    return shown(client.update_superevent(superevent, t_0=1238350700, preferred_event=second))


@example("the same update once more")
def _() -> Any:
    return client.update_superevent(superevent, t_0=1238350700, preferred_event=second)


@example("add an event to a superevent, and remove it")
def _() -> Any:
    third = client.create_event("CBC", "gstlal", EVENT_FILE, search="SSM").json()["graceid"]
    added = client.add_event_to_superevent(superevent, third)
    return [shown(added), shown(client.remove_event_from_superevent(superevent, third))]


@example("search for superevents")
def _() -> Any:
    superevent_iterator = client.superevents("public is_gw: True")
    return [found["superevent_id"] for found in superevent_iterator]


@example("search for superevents, some columns")
def _() -> Any:
    return list(client.superevents("MDC", orderby=["-far", "t_0"], columns=["superevent_id", "far"], max_results=5))


@example("search for the new superevent")
def _() -> Any:
    return list(client.superevents(superevent))


@example("an individual superevent")
def _() -> Any:
    response = client.superevent(superevent)
    return response.json()


@example("write a log entry")
def _() -> Any:
    return shown(client.write_log(event, "comment on event"))


@example("write a log entry with a file")
def _() -> Any:
    with open("skymap.fits.gz", "wb") as file:
        file.write(b"\x1f\x8b first \xff\x00")
    return shown(client.write_log(superevent, "comment on event", filename="skymap.fits.gz", tag_name=["sky_loc"]))


@example("write a log entry with a label")
def _() -> Any:
    answer = shown(client.write_log(event, "labelled", label="PE_READY"))
    return [answer, client.labels(event).json()]


@example("write a log entry with contents and tags with names for display")
def _() -> Any:
    return shown(
        client.write_log(
            event,
            "all of it",
            filename="skymap.fits.gz",
            filecontents=b"\xffother",
            tag_name=["pe", "mine"],
            displayName=["Parameters", "Mine"],
        )
    )


@example("one log entry")
def _() -> Any:
    return client.logs(event, 2).json()


@example("a log entry whose number is a text")
def _() -> Any:
    return client.logs(event, "2")


@example("all log entries")
def _() -> Any:
    return [client.logs(event).json(), client.logs(superevent).json()]


@example("list files")
def _() -> Any:
    return [client.files(event).json(), client.files(superevent).json()]


@example("the contents of a file")
def _() -> Any:
    response = client.files(superevent, "skymap.fits.gz")
    return [response.status, response.read().hex()]


@example("a version of a file")
def _() -> Any:
    client.write_log(superevent, "newer", filename="skymap.fits.gz", filecontents=b"second")
    names = ("skymap.fits.gz", "skymap.fits.gz,0", "skymap.fits.gz,1")
    return [client.files(superevent, name).read().hex() for name in names]


@example("a file that there is not")
def _() -> Any:
    return client.files(superevent, "nothing.txt")


@example("labels that there are")
def _() -> Any:
    return client.allowed_labels


@example("label an event")
def _() -> Any:
    return [shown(client.write_label(event, "ADVREQ")), shown(client.write_label(event, "ADVREQ"))]


@example("remove a label of a superevent")
def _() -> Any:
    return [
        shown(client.write_label(superevent, "INJ")),
        client.labels(superevent).json(),
        shown(client.remove_label(superevent, "INJ")),
        client.labels(superevent).json(),
    ]


@example("a label that there is not")
def _() -> Any:
    return client.write_label(event, "NONSENSE")


@example("tag a log entry of an event")
def _() -> Any:
    return [
        shown(client.add_tag(event, 2, "em_follow")),
        client.tags(event, 2).json(),
        shown(client.remove_tag(event, 2, "em_follow")),
        client.tags(event, 2).json(),
    ]


@example("tag a log entry of a superevent")
def _() -> Any:
    return [
        shown(client.add_tag(superevent, 1, "pe")),
        client.tags(superevent, 1).json(),
        shown(client.remove_tag(superevent, 1, "pe")),
        client.tags(superevent, 1).json(),
    ]


@example("expose a superevent, and hide it")
def _() -> Any:
    return [
        client.permissions(superevent).json(),
        shown(client.modify_permissions(superevent, "expose")),
        shown(client.modify_permissions(superevent, "hide")),
    ]


@example("signoffs")
def _() -> Any:
    client.write_label(superevent, "ADVREQ")
    return [
        shown(client.create_signoff(superevent, "ADV", "OK", "fine")),
        client.signoffs(superevent).json(),
        shown(client.update_signoff(superevent, "ADV", status="NO")),
        client.labels(superevent).json(),
        shown(client.delete_signoff(superevent, "ADV")),
    ]


@example("what is retired")
def _() -> Any:
    return client.voevents(event)


@example("nobody may write")
def _() -> Any:
    return GraceDb(force_noauth=True).write_log(superevent, "x")


@example("nobody sees what is not exposed")
def _() -> Any:
    return GraceDb(force_noauth=True).superevent(superevent)


with open(TOLD, "w") as file:
    json.dump(told, file)
