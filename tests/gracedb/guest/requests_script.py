"""Every documented method, called in the same way for whoever ``ligo.gracedb`` is.

Arguments: the server's URL, the folder of event files, and where to write what came of each call.
"""

import io
import json
import sys
import urllib.request
import warnings
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from ligo.gracedb.exceptions import HTTPError  # type: ignore[import-not-found]
from ligo.gracedb.rest import GraceDb  # type: ignore[import-not-found]

URL, DATA, TOLD = sys.argv[1:]
KINDS = (HTTPError, OSError, ValueError, TypeError, NameError, NotImplementedError, RuntimeError)
COINC, COINC2, BURST, GRB = (
    f"{DATA}/{name}" for name in ("cbc-lm.xml", "cbc-lm2.xml", "burst-cwb.txt", "fermi-test.xml")
)
told: dict[str, Any] = {}
ids: dict[str, str] = {}
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
warnings.simplefilter("ignore")


def outcome(given: Any) -> Any:
    """What there is to compare of an answer."""
    if hasattr(given, "status_code"):
        return given.status_code
    return given if isinstance(given, int | str | list | type(None)) else type(given).__name__


def call(name: str) -> Callable[[Callable[[], Any]], Any]:
    """Make a call, which has its requests to itself."""

    def run(function: Callable[[], Any]) -> Any:
        direct.open(f"http://{urlsplit(URL).netloc}/mark/{quote(name)}").close()
        try:
            given = function()
        except Exception as error:  # noqa: BLE001 - which one is what is asked
            given = None
            told[name] = {"raised": [kind.__name__ for kind in KINDS if isinstance(error, kind)]}
            told[name]["status"] = getattr(error, "status_code", None) if isinstance(error, HTTPError) else None
            told[name]["said"] = f"{type(error).__name__}: {error}"
        else:
            told[name] = {"gave": outcome(given)}
        direct.open(f"http://{urlsplit(URL).netloc}/mark/between").close()
        return given

    return run


def every(*given: str) -> Callable[[Callable[[str], Any]], Any]:
    """The same call with each argument; what the argument is stands at the end of its name."""

    def run(function: Callable[[str], Any]) -> None:
        for value in given:
            call(f"{function.__name__.removesuffix('_')}: {ids.get(value, value)}")(lambda: function(value))  # noqa: B023

    return run


def typed(content: bytes) -> None:
    """Put something at the standard input."""
    sys.stdin = io.TextIOWrapper(io.BytesIO(content))


for name in ("map.fits.gz", "data.json", "plot.png", "page.html", "notes.txt", "table.csv", "noext", "a b.txt",
             "a#b.txt", "a?b=c.txt", "100%.txt", "a%20b.txt", "a+b&c.txt", "ü.txt", 'a"b.txt'):  # fmt: skip
    Path(name).write_bytes(f"content of {name}".encode() + b"\r\n\xff\x00\n")
Path("folder").mkdir()
Path("folder/inside.txt").write_text("inside")

client = GraceDb(URL)


@call("the API root")
def _() -> Any:
    return client.server_version


@call("the API root once more")
def _() -> Any:
    return [client.groups, client.links, client.signoff_types, client.templates]


# -- events


@call("create_event")
def event() -> Any:
    return client.create_event("Test", "gstlal", COINC, search="LowMass")


if event is None:
    sys.exit(told["create_event"]["said"])
E = event.json()["graceid"]


@call("create_event with all there is")
def _() -> Any:
    return client.create_event(
        "Test",
        "gstlal",
        COINC2,
        "AllSky",
        labels=["INJ", "DQV"],
        offline=True,
        replay_id="run-7_b",
        more="1",
        further="é",
    )


@call("create_event with one label")
def other() -> Any:
    return client.create_event("Test", "CWB", BURST, "AllSky", labels="INJ")


@call("create_event with contents")
def _() -> Any:
    return client.create_event("Test", "gstlal", "noext", filecontents=Path(COINC).read_bytes())


@call("create_event with a text as contents")
def _() -> Any:
    return client.create_event("Test", "gstlal", "coinc.xml", filecontents=Path(COINC).read_text())


@call("create_event without labels, with an empty replay_id")
def third() -> Any:
    return client.create_event("Test", "gstlal", COINC, labels=[], replay_id="")


@call("create_event from standard input")
def _() -> Any:
    typed(Path(COINC).read_bytes())
    return client.create_event("Test", "gstlal", "-")


@call("create_event from standard input that is no text")
def _() -> Any:
    typed(b"\x1f\x8b\xff\xfe")
    return client.create_event("Test", "gstlal", "-")


@call("create_event of an alert")
def external() -> Any:
    return client.create_event("External", "Fermi", GRB, search="GRB")


SECOND_EVENT, T, X = (made.json()["graceid"] for made in (other, third, external))
ids |= {E: "EVENT", SECOND_EVENT: "OTHER", T: "THIRD", X: "ALERT", E.lower(): "event"}


@call("create_event with a bad group")
def _() -> Any:
    return client.create_event("Nonsense", "gstlal", COINC)


@call("create_event with a bad pipeline")
def _() -> Any:
    return client.create_event("Test", "nonsense", COINC)


@call("create_event with a bad search")
def _() -> Any:
    return client.create_event("Test", "gstlal", COINC, search="Nonsense")


@call("create_event with a bad label")
def _() -> Any:
    return client.create_event("Test", "gstlal", COINC, labels="NONSENSE")


@call("create_event, offline no truth value")
def _() -> Any:
    return client.create_event("Test", "gstlal", COINC, offline="no")


@call("create_event, replay_id no text")
def _() -> Any:
    return client.create_event("Test", "gstlal", COINC, replay_id=7)


@call("create_event, the server refuses")
def _() -> Any:
    return client.create_event("Test", "gstlal", "notes.txt")


@call("replace_event")
def _() -> Any:
    return client.replace_event(E, COINC2)


@call("replace_event with contents")
def _() -> Any:
    return client.replace_event(E, "coinc.xml", filecontents=Path(COINC).read_bytes())


@call("_reserve_graceid")
def _() -> Any:
    return client._reserve_graceid("Test", "CWB")


@call("_reserve_graceid with all there is")
def reserved() -> Any:
    return client._reserve_graceid("Test", "gstlal", "AllSky", "01234567-89ab-cdef-0123-456789abcdef", "run-7")


R = reserved.json()["graceid"] if reserved is not None else "G9"


@call("upload_reserved_event")
def _() -> Any:
    return client.upload_reserved_event(R, COINC, labels=["INJ", "DQV"], kafka_server="server", kafka_topic="topic")


@call("update_grbevent")
def _() -> Any:
    return client.update_grbevent(X, ra=1.5, dec=-2.25, error_radius=3, t90=0.1, redshift=1e-3, designation="GRB 1")


@call("update_grbevent with some")
def _() -> Any:
    return client.update_grbevent(X, dec=1, designation="GRB 2")


@call("update_grbevent with zero")
def _() -> Any:
    return client.update_grbevent(X, ra=0.0)


@call("update_grbevent with nothing")
def _() -> Any:
    return client.update_grbevent(X)


@every(E, "G99999999", E.lower(), "01234567-89ab-cdef-0123-456789abcdef", "C1234")
def event_(graceid: str) -> Any:
    return client.event(graceid)


@every(
    "",
    "far < 1e-10",
    "MDC",
    'created: 2024-07-16 .. 2024-07-17 submitter: "a&b=c"',
    'submitter: "é + %20#"',
    "nonsense here",
)
def events_(query: str) -> Any:
    return [row["graceid"] for row in client.events(query)]


@call("events of all kinds")
def _() -> Any:
    return [row["graceid"] for row in client.events()]


@call("events in an order, some columns")
def _() -> Any:
    return [row["graceid"] for row in client.events("MDC", orderby="-gpstime", columns="graceid,far")]


@call("events over pages")
def _() -> Any:
    return [row["graceid"] for row in client.events("MDC", count=30)]


@call("events, the first of them")
def _() -> Any:
    return [row["graceid"] for row in islice(client.events("MDC", count=30), 5)]


@call("events, not asked for")
def _() -> Any:
    client.events("MDC")
    return 0


@call("events in the order of several fields")
def _() -> Any:
    return [row["graceid"] for row in client.events("MDC", orderby=["far", "-gpstime"])]


@call("events, so many at most")
def _() -> Any:
    return [row["graceid"] for row in client.events("MDC", max_results=7)]


@call("events, so many at most, at the end of a page")
def _() -> Any:
    return [row["graceid"] for row in client.events("MDC", count=5, max_results=5)]


@call("num_events")
def _() -> Any:
    return client.num_events("MDC")


# -- superevents


@call("create_superevent")
def superevent() -> Any:
    return client.create_superevent(1238350677, 1238350680.5, 1238350682, E, category="test")


@call("create_superevent with all there is")
def second() -> Any:
    return client.create_superevent(1, 2.0, 3.25, SECOND_EVENT, "T", events=[T], labels=["INJ", "DQV"])


S, U = superevent.json()["superevent_id"], second.json()["superevent_id"]
ids |= {S: "SUPEREVENT", U: "SECOND"}


@call("create_superevent, the server refuses")
def _() -> Any:
    return client.create_superevent(1, 2, 3, E, "Test", labels="INJ", events=SECOND_EVENT)


@call("create_superevent with a bad category")
def _() -> Any:
    return client.create_superevent(1, 2, 3, E, "nonsense")


@call("create_superevent with a bad label")
def _() -> Any:
    return client.create_superevent(1, 2, 3, E, "test", labels=["NONSENSE"])


@call("update_superevent")
def _() -> Any:
    return client.update_superevent(
        S, t_start=1.5, t_0=2, t_end=3.0, preferred_event=E, em_type=X, time_coinc_far=1e-9, space_coinc_far=0.1
    )


@call("update_superevent with one")
def _() -> Any:
    return client.update_superevent(S, t_end=1e9)


@call("update_superevent with zero")
def _() -> Any:
    return client.update_superevent(S, time_coinc_far=0)


@call("update_superevent with zero among others")
def _() -> Any:
    return client.update_superevent(S, t_start=0, t_end=5)


@call("update_superevent with nothing")
def _() -> Any:
    return client.update_superevent(S)


@call("remove_event_from_superevent")
def _() -> Any:
    return client.remove_event_from_superevent(U, T)


@call("add_event_to_superevent")
def _() -> Any:
    return client.add_event_to_superevent(S, T)


@call("add_event_to_superevent, the server refuses")
def _() -> Any:
    return client.add_event_to_superevent(S, T)


@call("add_pipeline_preferred_event")
def _() -> Any:
    burst = client.create_event("Test", "CWB", BURST, "AllSky").json()["graceid"]
    client.add_event_to_superevent(S, burst)
    return client.add_pipeline_preferred_event(S, burst)


@call("remove_pipeline_preferred_event")
def _() -> Any:
    (found,) = client.superevent(S).json()["pipeline_preferred_events"].values()
    return client.remove_pipeline_preferred_event(S, found["graceid"])


@every(S, "S190425z", "GW170817", "S000101zz")
def superevent_(name: str) -> Any:
    return client.superevent(name)


@every("", "far < 1e-9", "MDC", 'category: Test submitter: "a&b=c"', "nonsense here")
def superevents_(query: str) -> Any:
    return [row["superevent_id"] for row in client.superevents(query)]


@call("superevents in an order")
def _() -> Any:
    return [row["superevent_id"] for row in client.superevents("MDC", orderby="-far")]


@call("superevents in the order of several fields")
def _() -> Any:
    return [row["superevent_id"] for row in client.superevents("MDC", orderby=["-far", "t_0"])]


@call("superevents over pages, some columns")
def _() -> Any:
    return [row["far"] for row in client.superevents("MDC", ("t_0",), 30, ["superevent_id", "far"])]


@call("superevents, so many at most")
def _() -> Any:
    return [row["superevent_id"] for row in client.superevents("MDC", max_results=7)]


@call("confirm_superevent_as_gw")
def _() -> Any:
    return client.confirm_superevent_as_gw(S)


@call("confirm_superevent_as_gw by a name")
def _() -> Any:
    return client.confirm_superevent_as_gw(U, "TGW800106Z")


# -- what is written beside them


@every(E, S)
def write_log(name: str) -> Any:
    return client.write_log(name, "a comment: é & = + %\nsecond line <b>")


@every(E, S)
def write_log_with_a_label(name: str) -> Any:
    return client.write_log(name, "labelled", label="DQV")


@every(E, S)
def write_log_with_tags(name: str) -> Any:
    return client.write_log(name, "x", tag_name=["pe", "mine"], displayName=["Parameters", "Mine é"])


@every("one", "tuple", "set", "none", "old")
def write_log_tags_as(form: str) -> Any:
    tags: Any = {"one": "pe", "tuple": ("pe", "psd"), "set": {"pe"}, "none": None, "old": None}[form]
    return client.write_log(E, "x", tagname="psd") if form == "old" else client.write_log(E, "x", tag_name=tags)


@every("notes.txt", "map.fits.gz", "data.json", "plot.png", "page.html", "table.csv", "noext", "a b.txt", "a#b.txt",
       "a?b=c.txt", "100%.txt", "a%20b.txt", "a+b&c.txt", "ü.txt", 'a"b.txt', "folder/inside.txt")  # fmt: skip
def write_log_with_the_file(name: str) -> Any:
    return client.write_log(S, "a file", name)


@call("write_log with contents, tags and a label")
def _() -> Any:
    return client.write_log(E, "x", "folder/made.dat", b"\xff\r\n\x00", ["pe", "psd"], ["P", "D"], "PE_READY")


@call("write_log with a text as contents")
def _() -> Any:
    return client.write_log(E, "x", filename="notes.txt", filecontents="é\nplain")


@call("write_log from standard input")
def _() -> Any:
    typed(b"typed in")
    return client.write_log(E, "x", "-")


@call("write_log from standard input that is no text")
def _() -> Any:
    typed(b"\x1f\x8b\xff\xfe")
    return client.write_log(E, "x", "-")


@call("write_log with a bad label")
def _() -> Any:
    return client.write_log(E, "x", label="NONSENSE")


@call("write_log with display names that do not fit")
def _() -> Any:
    return client.write_log(E, "x", tag_name=["a", "b"], displayName="c")


@every(E, S, E.lower(), "C1234")
def logs_(name: str) -> Any:
    return client.logs(name)


@every(E, S)
def logs_one(name: str) -> Any:
    return client.logs(name, 1)


@call("logs, number zero")
def _() -> Any:
    return client.logs(E, 0)


@call("logs, number no integer")
def _() -> Any:
    return client.logs(E, "1")


@every(E, S, "S190425z")
def files(name: str) -> Any:
    return client.files(name)


@every("notes.txt", "notes.txt,0", "a b.txt", "100%.txt", "a+b&c.txt", "ü.txt", 'a"b.txt', "inside.txt", "nothing.txt",
       "a#b.txt", "a?b=c.txt", "a%20b.txt")  # fmt: skip
def files_the_file(name: str) -> Any:
    return client.files(S, name)


@call("files, the file of an event")
def _() -> Any:
    return client.files(E, "made.dat").read().hex()


@call("get_file")
def _() -> Any:
    return client.get_file(f"{URL}superevents/{S}/files/notes.txt", params={"a": "b c"})


@every(E, S)
def write_label(name: str) -> Any:
    return client.write_label(name, "EM_READY")


@every(E, S)
def write_label_once_more(name: str) -> Any:
    return client.write_label(name, "EM_READY")


@every(E, S)
def write_label_that_there_is_not(name: str) -> Any:
    return client.write_label(name, "NONSENSE")


@every(E, S)
def labels(name: str) -> Any:
    return client.labels(name)


@every(E, S)
def labels_one(name: str) -> Any:
    return client.labels(name, "EM_READY")


@call("labels, one that there is not")
def _() -> Any:
    return client.labels(E, "NONSENSE")


@every(E, S)
def remove_label(name: str) -> Any:
    return client.remove_label(name, "EM_READY")


@every(E, S)
def remove_label_once_more(name: str) -> Any:
    return client.remove_label(name, "EM_READY")


@every(E, S)
def add_tag(name: str) -> Any:
    return client.add_tag(name, 1, "my_tag")


@every(E, S)
def add_tag_with_a_name(name: str) -> Any:
    return client.add_tag(name, 1, "your-tag", "Yours, é")


@every(E, S)
def add_tag_once_more(name: str) -> Any:
    return client.add_tag(name, 1, "my_tag")


@every(E, S)
def tags(name: str) -> Any:
    return client.tags(name, 1)


@every(E, S)
def remove_tag(name: str) -> Any:
    return client.remove_tag(name, 1, "my_tag")


OBSERVED = [1.0, 2.5], 3, [-4, 5.0], [6, 7], ["2026-01-01T00:00:00", "2026-01-02T00:00:00"], 8.5


@every(E, S)
def write_emobservation(name: str) -> Any:
    return client.write_emobservation(name, "ZTF", *OBSERVED, comment="é")


@call("write_emobservation of one footprint")
def _() -> Any:
    return client.write_emobservation(E, "Test", 1, 2, 3, 4, "2026-01-01T00:00:00", 5)


@call("write_emobservation of a group that there is not")
def _() -> Any:
    return client.write_emobservation(E, "Nonsense", *OBSERVED)


@every(E, S)
def emobservations(name: str) -> Any:
    return client.emobservations(name)


@every(E, S)
def emobservations_one(name: str) -> Any:
    return client.emobservations(name, 1)


@every(E, S)
def create_voevent(name: str) -> Any:
    return client.create_voevent(name, "PR")


@every(E, S)
def create_voevent_with_all_there_is(name: str) -> Any:
    return client.create_voevent(
        name, "initial", "BAYESTAR", "notes.txt", "notes.txt", internal=False, open_alert=True, raven_coinc=True,
        hardware_inj=True, CoincComment=True, ProbHasNS=0.1, ProbHasRemnant=0.2, BNS=0.3, NSBH=0.4, BBH=0.5,
        Terrestrial=0.6, HasMassGap=0.7,
    )  # fmt: skip


@call("create_voevent with zeros")
def _() -> Any:
    return client.create_voevent(S, "PR", ProbHasNS=0, BNS=0.0)


@call("create_voevent of a kind that there is not")
def _() -> Any:
    return client.create_voevent(S, "nonsense")


@call("create_voevent without a sky map")
def _() -> Any:
    return client.create_voevent(S, "IN")


@call("create_voevent with a retired probability")
def _() -> Any:
    return client.create_voevent(S, "PR", MassGap=0.5)


@every(E, S)
def voevents(name: str) -> Any:
    return client.voevents(name)


@every(E, S)
def voevents_one(name: str) -> Any:
    return client.voevents(name, 1)


NOTICE = json.dumps({"alert_type": "PRELIMINARY", "superevent_id": S, "event": {"classification": {"BNS": 0.5}}})


@call("create_notice")
def _() -> Any:
    Path("notice.json").write_text(NOTICE)
    return client.create_notice(S, "notice.json")


@call("create_notice with contents")
def _() -> Any:
    return client.create_notice(S, "noext", filecontents=NOTICE)


@call("create_notice from standard input")
def _() -> Any:
    typed(NOTICE.encode())
    return client.create_notice(S, "-")


@call("notices")
def _() -> Any:
    return client.notices(S)


@call("notices, one")
def _() -> Any:
    return client.notices(S, 1)


@every("expose", "hide", "nonsense")
def modify_permissions(action: str) -> Any:
    return client.modify_permissions(S, action)


@every(S, E)
def permissions(name: str) -> Any:
    return client.permissions(name)


@call("modify_permissions of an event")
def _() -> Any:
    return client.modify_permissions(E, "expose")


@call("create_signoff")
def _() -> Any:
    client.write_label(S, "ADVREQ")
    return client.create_signoff(S, "ADV", "OK", "é & so on")


@call("create_signoff in words")
def _() -> Any:
    client.write_label(S, "H1OPS")
    return client.create_signoff(S, "operator", "not okay", "", instrument="lho")


@call("create_signoff without instrument")
def _() -> Any:
    return client.create_signoff(S, "OP", "OK", "x")


@every("nonsense", "ADV")
def create_signoff_of(kind: str) -> Any:
    return client.create_signoff(S, kind, "nonsense", "x")


@call("signoffs")
def _() -> Any:
    return client.signoffs(S)


@call("signoffs, one")
def _() -> Any:
    return client.signoffs(S, "advocate")


@call("signoffs, one of an operator")
def _() -> Any:
    return client.signoffs(S, "OP", "H1")


@call("signoffs of an event")
def _() -> Any:
    return client.signoffs(E)


@call("update_signoff")
def _() -> Any:
    return client.update_signoff(S, "ADV", status="no", comment="changed")


@call("update_signoff, its comment")
def _() -> Any:
    return client.update_signoff(S, "OP", comment="é", instrument="H1")


@call("update_signoff with nothing")
def _() -> Any:
    return client.update_signoff(S, "ADV")


@call("delete_signoff")
def _() -> Any:
    return client.delete_signoff(S, "ADV")


@call("delete_signoff of an operator")
def _() -> Any:
    return client.delete_signoff(S, "operator", "LHO")


# -- catalogues


SMAP = {S: {"pipelines": {"gstlal": E}, "far": 1e-9, "pastro": {"BNS": 0.9}}}
Path("smap.json").write_text(json.dumps(SMAP))


@call("gwtc_create")
def _() -> Any:
    client.gwtc_create({U: SMAP[S]}, "4")
    return client.gwtc_create(SMAP, "5", comment="é")


@call("gwtc_create from a file")
def _() -> Any:
    return client.gwtc_create("smap.json", "5")


@call("gwtc_create with a number that is no text")
def _() -> Any:
    return client.gwtc_create(SMAP, 5)


@call("gwtc_get")
def _() -> Any:
    return client.gwtc_get("5", 1)


@call("gwtc_get, the latest")
def _() -> Any:
    return client.gwtc_get("5", "latest")


@call("gwtc_get, no version")
def _() -> Any:
    return client.gwtc_get("5", 0)


@call("gwtc_list")
def _() -> Any:
    return [each["version"] for each in client.gwtc_list()]


@call("gwtc_list of one")
def _() -> Any:
    return [each["version"] for each in client.gwtc_list("5")]


@call("gwtc_numbers")
def _() -> Any:
    return client.gwtc_numbers()


@call("gwtc_versions")
def _() -> Any:
    return client.gwtc_versions("5")


# -- the server, and the verbs of a session


@call("ping")
def _() -> Any:
    return client.ping()


@call("get_user_info")
def _() -> Any:
    return client.get_user_info()


@call("show_credentials")
def _() -> Any:
    return sorted(client.show_credentials(print_output=False))


@call("load_json_from_response")
def _() -> Any:
    return client.load_json_from_response(client.event(E))["graceid"]


@call("get")
def _() -> Any:
    return client.get(client.links["events"], params={"query": "MDC far < 1e-9", "count": 1})


@call("post, a form")
def _() -> Any:
    return client.post(f"{URL}events/{E}/log/", data={"comment": "é", "tagname": ["pe", "psd"]})


@call("post, a file")
def _() -> Any:
    return client.post(f"{URL}events/{E}/log/", data={"comment": "x"}, files={"upload": ("n.txt", b"\xff\r\n")})


@call("post, JSON")
def _() -> Any:
    return client.post(f"{URL}events/{E}/log/", json={"comment": "é"})


@call("put")
def _() -> Any:
    return client.put(f"{URL}events/{E}/labels/DQOK")


@call("patch")
def _() -> Any:
    return client.patch(f"{URL}superevents/{S}/", data={"t_0": 7})


@call("delete")
def _() -> Any:
    return client.delete(f"{URL}events/{E}/labels/DQOK")


@call("head")
def _() -> Any:
    return client.head(f"{URL}events/{E}")


@call("options")
def _() -> Any:
    return client.options(f"{URL}events/{E}")


@call("request")
def _() -> Any:
    return client.request("GET", f"{URL}events/{E}", headers={"X-Mine": "1"})


@every("v1", "v2", "default", "v7")
def version(name: str) -> Any:
    """A client that names its version: its root and its answers are below it."""
    named = GraceDb(URL, api_version=name)
    return named.event(E)


@call("nobody")
def _() -> Any:
    return GraceDb(URL, force_noauth=True).event("G1")


# -- the old names


@every("createEvent", "replaceEvent", "createSuperevent", "updateSuperevent", "addEventToSuperevent",
       "removeEventFromSuperevent", "numEvents", "writeLog", "writeEMObservation", "writeLabel", "removeLabel",
       "addTag", "removeTag", "createVOEvent")  # fmt: skip
def old(name: str) -> Any:
    given: dict[str, tuple[Any, ...]] = {
        "createEvent": ("Test", "gstlal", COINC), "replaceEvent": (E, COINC), "createSuperevent": (1, 2, 3, E),
        "updateSuperevent": (S, 4, 5, 6), "addEventToSuperevent": (S, E), "removeEventFromSuperevent": (S, T),
        "numEvents": ("MDC",), "writeLog": (E, "x"), "writeEMObservation": (E, "ZTF", *OBSERVED),
        "writeLabel": (E, "DQOK"), "removeLabel": (E, "DQOK"), "addTag": (E, 1, "t"),
        "removeTag": (E, 1, "t"), "createVOEvent": (E, "PR"),
    }  # fmt: skip
    return getattr(client, name)(*given[name])


def methods() -> list[str]:
    """The public methods that the class itself has."""
    own = [vars(kind) for kind in GraceDb.__mro__ if kind.__module__.startswith("ligo.")]
    return sorted(
        {name for names in own for name in names if not name.startswith("_") and callable(getattr(GraceDb, name))}
    )


with open(TOLD, "w") as file:
    json.dump({"told": told, "ids": ids, "methods": methods()}, file)
