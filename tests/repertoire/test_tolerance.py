"""One mistake in a site's configuration does not take the rest of the document along, and is not passed over either."""

import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.repertoire import Discovery, RepertoireError, RepertoireValidationError, SyncDiscoveryClient
from skykey.repertoire.exceptions import RepertoireOutOfReach
from skykey.repertoire.reading import read_credentials, read_credentials_list, read_discovery
from skykey.values.url import Url
from tests.repertoire.documents import DOCUMENT, FACES, HOST, changed
from tests.wire.server import as_json, serving

GOOD = DOCUMENT["influxdb_databases"]["site_efd"]
Json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


def with_bad(**bad: Any) -> str:
    return changed(influxdb_databases={"site_efd": GOOD, **bad})


BAD: dict[str, tuple[str, str]] = {
    "old form": (with_bad(bad="https://old.example/"), "influxdb_databases.bad is not an object"),
    "no url": (with_bad(bad={**GOOD, "url": None}), "influxdb_databases.bad.url is missing"),
    "no pointer": (with_bad(bad={**GOOD, "credentials_url": 5}), "influxdb_databases.bad.credentials_url is not text"),
    "a file": (with_bad(bad={**GOOD, "url": "file:///secret-canary"}), "influxdb_databases.bad.url is not a URL"),
    "userinfo": (
        with_bad(bad={**GOOD, "url": "https://u:secret-canary@h/"}),
        "influxdb_databases.bad.url is not a URL",
    ),
    "a dataset": (
        changed(datasets={**DOCUMENT["datasets"], "bad": ["secret-canary"]}),
        "datasets.bad is not an object",
    ),
    "a service": (
        changed(datasets={"alpha": {"services": {"tap": {"url": "https://a/"}, "bad": {"url": "secret canary"}}}}),
        "datasets.alpha.services.bad.url is not a URL",
    ),
    "a version": (
        changed(services={"internal": {"a": {"url": "https://a/", "versions": {"v1": {}}}}}),
        "services.internal.a.versions.v1.url is missing",
    ),
    "an application": (changed(applications=["tap", None]), "applications.1 is not text"),
    "the environment": (changed(environment={"name": "x"}), "environment.label is missing"),
    "its name": (changed(environment_name=5), "environment_name is not text"),
    "words": (with_bad(bad={**GOOD, "description": ["secret-canary"]}), "influxdb_databases.bad.description"),
    "a flag": (with_bad(bad={**GOOD, "local": "secret-canary"}), "influxdb_databases.bad.local is not a boolean"),
}


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("kind", BAD)
def test_one_bad_entry_does_not_spoil_the_document_and_is_named_once(
    kind: str, face: str, caplog: pytest.LogCaptureFixture
) -> None:
    body, words = BAD[kind]
    with serving(lambda _: as_json(body)) as server, caplog.at_level(logging.WARNING):
        assert "site_efd" in FACES[face](server.url, "influxdb_databases")
        (record,) = [record for record in caplog.records if record.name == "skykey.repertoire"]
        assert words in record.getMessage()
        assert server.url in record.getMessage()
        assert "canary" not in record.getMessage()


@pytest.mark.parametrize("kind", BAD)
def test_strictness_refuses_the_same(kind: str) -> None:
    body, words = BAD[kind]
    with serving(lambda _: as_json(body)) as server:
        with pytest.raises(RepertoireValidationError) as caught:
            FACES["sync"](server.url, "influxdb_databases", options={"strict": True})
        assert words in str(caught.value)
        assert "canary" not in str(caught.value)


def test_the_users_own_logger_is_told_once_an_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    class Events:
        def __init__(self) -> None:
            self.events: list[str] = []

        def warning(self, event: str, /) -> None:
            self.events.append(event)

    logger = Events()
    with serving(lambda _: as_json(with_bad(bad=1, worse=2))) as server:
        client = SyncDiscoveryClient(base_url=server.url, logger=logger)
        for _ in range(3):
            client.influxdb_databases()
            client.forget()
        assert len(server.seen) == 3
    assert [event.rpartition("influxdb_databases.")[2] for event in logger.events] == [
        "bad is not an object",
        "worse is not an object",
    ]


@pytest.mark.parametrize("face", FACES)
def test_asking_for_an_entry_that_could_not_be_read_says_so(face: str) -> None:
    """None would mean that there is none."""
    body = json.dumps(
        DOCUMENT
        | {
            "influxdb_databases": {"site_efd": GOOD, "bad": {**GOOD, "url": None}},
            "datasets": {"alpha": {"butler_config": 5, "services": {"tap": {}}}},
            "services": {"internal": {"ok": {"url": "https://a/", "versions": {"v1": 5}}, "bad": {}}},
        }
    )
    with serving(lambda _: as_json(body)) as server:
        for name, args, path in (
            ("influxdb_connection_info", ("bad",), "influxdb_databases.bad.url"),
            ("influxdb_credentials", ("bad", "gt-token"), "influxdb_databases.bad.url"),
            ("require_influxdb_connection_info", ("bad",), "influxdb_databases.bad.url"),
            ("butler_config_for", ("alpha",), "datasets.alpha.butler_config"),
            ("url_for_data", ("tap", "alpha"), "datasets.alpha.services.tap.url"),
            ("url_for_internal", ("bad",), "services.internal.bad.url"),
        ):
            with pytest.raises(RepertoireValidationError, match=path):
                FACES[face](server.url, name, *args)
        with pytest.raises(RepertoireValidationError, match=r"versions\.v1 is not an object"):
            FACES[face](server.url, "url_for_internal", "ok", version="v1")
        assert all("authorization" not in seen.headers for seen in server.seen)


@pytest.mark.parametrize(
    "body",
    [
        changed(influxdb_databases={"a": "https://x/", "b": 5}),
        changed(influxdb_databases=[]),
        changed(datasets="none"),
        changed(services=[]),
        changed(applications={}),
    ],
)
def test_a_section_with_nothing_readable_is_another_services(body: str) -> None:
    with serving(lambda _: as_json(body)) as server, pytest.raises(RepertoireValidationError):
        FACES["sync"](server.url, "applications")


def test_null_is_as_good_as_nothing_unless_strictness_is_asked_for() -> None:
    nothing = dict.fromkeys(DOCUMENT)
    assert read_discovery(nothing) == Discovery()
    with pytest.raises(RepertoireValidationError):
        read_discovery(nothing, strict=True)


@given(Json)
def test_whatever_is_sent_is_read_or_refused(document: Any) -> None:
    try:
        found = read_discovery(document)
    except RepertoireError:
        return
    assert isinstance(found, Discovery)
    found.to_nublado_dict()
    json.loads(found.model_dump_json())


@given(st.sampled_from(sorted(DOCUMENT)), Json)
def test_whatever_one_section_holds_the_others_are_unharmed(section: str, content: Any) -> None:
    try:
        found = read_discovery(DOCUMENT | {section: content})
    except RepertoireError:
        return
    whole = read_discovery(DOCUMENT)
    for name in ("applications", "datasets", "environment", "influxdb_databases", "services"):
        if name != section:
            assert getattr(found, name) == getattr(whole, name)


@given(st.dictionaries(st.sampled_from([*GOOD, "username", "password", "new"]), Json))
def test_whatever_a_login_holds_the_others_are_unharmed_and_nothing_of_it_is_shown(changes: dict[str, Any]) -> None:
    login = {**GOOD, "username": "u", "password": "secret-canary"}
    sent = {**login, **changes}
    sold, failed = read_credentials_list({"good": login, "other": sent})
    assert sold["good"] == read_credentials(login)
    assert {*sold, *failed} >= {"good", "other"} or "other" in sold
    for problem in failed.values():
        assert "canary" not in str(problem)


def test_a_document_that_nests_deeply_is_read_or_refused() -> None:
    def nested(depth: int) -> dict[str, Any]:
        deep: Any = "x"
        for _ in range(depth):
            deep = {"a": deep}
        return {"applications": ["tap"], "unknown": deep}

    assert read_discovery(nested(50)).applications == ("tap",)
    with pytest.raises(RepertoireValidationError, match="too deeply"):
        read_discovery(nested(5000))


@pytest.mark.parametrize("name", ["a\nb", "x" * 500, "\x1b[31m"])
def test_a_name_cannot_write_into_the_log_what_it_likes(name: str) -> None:
    (problem,) = read_discovery({"influxdb_databases": {"ok": GOOD, name: 5}}).problems.values()
    assert problem.message.isprintable()
    assert len(problem.message) < 150


def test_a_document_is_judged_by_where_it_comes_from() -> None:
    near = {"influxdb_databases": {"ok": GOOD, "near": {**GOOD, "url": "https://127.0.0.1:8086/"}}}
    for base, admitted in ((None, False), (HOST, False), ("http://127.0.0.1:8000", True), ("https://10.0.0.1", False)):
        found = read_discovery(near, base=None if base is None else Url(base))
        assert ("near" in found.influxdb_databases) is admitted
        assert isinstance(found.problems.get("influxdb_databases.near"), RepertoireOutOfReach) is not admitted
