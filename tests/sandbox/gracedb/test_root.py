"""What every client asks first, and the gate that every request goes through."""

import hashlib
import http.client
import json
import re
import ssl
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from skykey.sandbox import Box
from skykey.sandbox.gracedb import app

FILLED = {
    "graceid": "G1",
    "superevent_id": "S240101a",
    "N": "1",
    "typeinst": "ADV",
    "number": "4",
    "version": "1",
    **dict.fromkeys(("filename", "file_name"), "x"),
    **dict.fromkeys(("label", "label_name", "tag_name"), "DQV"),
}


@pytest.mark.parametrize("generation", ["current", "classic"])
@pytest.mark.parametrize("version", ["", "v1/", "v2/"])
def test_links_keep_the_version_of_the_request(api: Any, box: Box, generation: str, version: str) -> None:
    box.controls.gracedb(generation=generation)
    root = api(version, who=None).json
    start = box.gracedb_url + version
    assert {url.startswith(start) for url in [*root["links"].values(), *root["templates"].values()]} == {True}
    assert ("event-reserve-template" in root["templates"]) == (generation == "current" and version != "v1/")
    assert root["api-versions"] == root["API_VERSIONS"] == ["default", "v1", "v2"]
    assert root.get("api-default") == ("v2" if generation == "current" else None)
    assert ("em-groups" in root, "instruments" in root) == (generation == "classic",) * 2


@pytest.mark.parametrize("generation", ["current", "classic"])
def test_every_template_leads_to_a_route(api: Any, box: Box, generation: str) -> None:
    box.controls.gracedb(generation=generation)
    for name, template in api("").json["templates"].items():
        # Not the answer where there is no route: the thing that is named is not there.
        assert api(template.format(**FILLED)).json != {"detail": "Not found."}, name
        slash = not template.endswith(("{file_name}", "{filename}")) and "/superevents/" in template
        assert template.endswith("/") >= slash


def test_unknown_versions_and_paths_are_404(api: Any, box: Box) -> None:
    for path in ("v3/", "nothing", "events/G1/nothing/", "superevents/S240716b"):
        answer = api(path)
        assert (answer.status, answer.json) == (404, {"detail": "Not found."})


def test_who_asks_is_told_who_they_are(api: Any) -> None:
    assert api("user-info/", who=None).json == {"username": "AnonymousUser"}
    albert, marie, vera = (api("user-info/", who=who).json for who in ("albert", "marie", "vera"))
    assert (albert["username"], albert["first_name"]) == ("albert.einstein@ligo.org", "Albert")
    assert "gstlal" in albert["upload_to_pipeline"]
    assert (marie["is_internal_user"], marie["upload_to_pipeline"]) == (True, [])
    assert vera["is_internal_user"] is False


@pytest.mark.parametrize(
    ("agent", "status"),
    [
        ("", 400),
        ("gracedb-client/1.9.0", 400),
        ("gracedb-client/2.16.1 extra/1.0", 400),
        ("gracedb-client/", 400),
        ("gracedb-client/2.16.1", 200),
        ("mine gracedb-client/2.0.0.dev1", 200),
        ("skykey/0.1", 200),
    ],
)
def test_the_gate_reads_the_user_agent(api: Any, agent: str, status: int) -> None:
    assert api("", headers={"User-Agent": agent}).status == status


def test_a_wrong_verb_is_405(api: Any, event: Any) -> None:
    name = event()
    for path, method in ((f"events/{name}", "DELETE"), ("superevents/", "PUT"), (f"events/{name}/log/1", "POST")):
        answer = api(path, method, {})
        assert (answer.status, answer.json) == (405, {"detail": f'Method "{method}" not allowed.'})
    assert (api("", "HEAD").status, api("", "HEAD").body) == (200, b"")
    assert "GET" in api("", "OPTIONS").headers["Allow"]


@pytest.mark.parametrize("generation", ["current", "classic"])
def test_nobody_writes_whatever_is_there(api: Any, box: Box, generation: str) -> None:
    box.controls.gracedb(generation=generation)
    said = {"detail": "Authentication credentials were not provided."}
    for room in app._ROOMS:
        for path, endpoints in room.ROUTES.items():
            for method in endpoints.keys() - {"GET"}:
                answer = api(path.replace(":path", "").format(**FILLED), method, {}, who=None)
                assert (answer.status, answer.json) == (403, said), (path, method)


@pytest.mark.parametrize("number", ["9" * 30, "9" * 5000, "\N{SUPERSCRIPT TWO}", "-1", "0x1", "1.5", ""])
def test_numbers_of_nothing_are_404(api: Any, event: Any, number: str) -> None:
    number = quote(number)
    for path in (f"events/G{number}", f"events/{event()}/log/{number or 'x'}", f"superevents/S240716b/logs/{number}x/"):
        assert api(path).status == 404, path[:60]
    assert api(f"events/T{number}/upload/", "POST", {}).status == 404
    sent = {"t_start": 1, "t_0": 2, "t_end": 3, "category": "T", "preferred_event": f"T{number}"}
    assert api("superevents/", "POST", sent).status == 400


def test_nothing_is_to_be_kept_by_caches(api: Any, event: Any) -> None:
    assert "no-store" in api("superevents/?count=1").headers["Cache-Control"]
    assert api(f"events/{event()}").headers["Cache-Control"] == "no-cache"


def test_too_many_writes_a_second_are_429(api: Any, event: Any, box: Box) -> None:
    name = event()
    box.controls.gracedb(throttle=1)
    statuses = [api(f"events/{name}/log/", "POST", {"comment": "x"}) for _ in range(3)]
    assert statuses[0].status == 201
    last = statuses[-1]
    assert (last.status, last.headers["Retry-After"]) == (429, "1")
    assert re.fullmatch(r"Request was throttled. Expected available in \d+ seconds?\.", last.json["detail"])
    assert api(f"events/{name}/log/").status == 200  # reading is not counted
    assert api(f"events/{name}/log/", "POST", {"comment": "x"}, who="marie").status == 201  # nor are others
    box.controls.clock(2)
    assert api(f"events/{name}/log/", "POST", {"comment": "x"}).status == 201


@pytest.mark.parametrize("claims", [{"scope": "read"}, {"aud": "https://elsewhere"}, {"lifetime": -1}])
def test_a_token_that_is_not_good_means_nobody_and_not_an_error(ask: Any, box: Box, claims: dict[str, Any]) -> None:
    token = box.controls.gracedb_token(**claims)
    answer = ask(f"{box.gracedb_url}user-info/", token, headers={"User-Agent": "test"})
    assert (answer.status, answer.json) == (200, {"username": "AnonymousUser"})


def test_the_token_in_the_file_is_good(ask: Any, box: Box) -> None:
    answer = ask(f"{box.gracedb_url}user-info/", box.gracedb_token, headers={"User-Agent": "test"})
    assert answer.json["username"] == "albert.einstein@ligo.org"


@pytest.mark.parametrize(("shows", "username"), [(True, "albert.einstein@ligo.org"), (False, "AnonymousUser")])
def test_a_certificate_is_looked_at_over_tls(box: Box, shows: bool, username: str) -> None:
    context = ssl.create_default_context(cafile=box.ca_file)
    if shows:
        context.load_cert_chain(box.gracedb_certificate_file)
    connection = http.client.HTTPSConnection(urlsplit(box.second_url).netloc, timeout=10, context=context)
    headers = {"Host": "gracedb.ligo.org", "User-Agent": "test"}
    connection.request("GET", "/api/user-info/", headers=headers)
    with connection.getresponse() as response:
        assert json.loads(response.read())["username"] == username
    connection.close()


def test_all_tags_are_listed(api: Any, event: Any) -> None:
    api(f"events/{event()}/log/", "POST", {"comment": "x", "tagname": "mine", "displayName": "Mine"})
    tags = api("tag/").json["tags"]
    assert tags["pe"]["blessed"] is True
    assert tags["mine"] == {"displayName": "Mine", "blessed": False}
    assert "mine" not in api("tag/", who=None).json["tags"]


def test_requests_are_counted_under_its_name(api: Any, box: Box) -> None:
    api("superevents/?count=1")
    (seen,) = box.controls.requests("gracedb")
    assert (seen.path, seen.query, seen.credential, seen.sent) == ("/api/superevents/", "count=1", "bearer", None)


def test_what_was_sent_is_told_as_it_was_read(api: Any, box: Box, event: Any) -> None:
    path = f"events/{event()}/log/"
    box.controls.forget()
    form = {"comment": "ö", "tagname": ["a", "b"]}
    api(path, "POST", form)
    api(path, "POST", form, files={"upload": ("x.txt", b"abc")})
    api("gwtc/", "POST", sent={"number": 4, "smap": {}}, who=None)
    plain, parts, other = (seen.sent for seen in box.controls.requests("gracedb"))
    fields = {"comment": ["ö"], "tagname": ["a", "b"]}
    assert plain == {"fields": fields, "json": None, "files": {}}
    upload = {"filename": "x.txt", "kind": "a/b", "size": 3, "sha256": hashlib.sha256(b"abc").hexdigest()}
    assert parts == {"fields": fields, "json": None, "files": {"upload": upload}}
    assert other == {"fields": {}, "json": {"number": 4, "smap": {}}, "files": {}}
