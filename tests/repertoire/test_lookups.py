"""Every documented question, on both faces, with upstream's answers for what is there and what is not."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from skykey.repertoire import (
    ApiService,
    ApiVersion,
    BaseService,
    DataService,
    DiscoveryClient,
    Environment,
    InternalService,
    QuotaLabel,
    RepertoireError,
    SyncDiscoveryClient,
    UiService,
)
from skykey.values.errors import UnknownName
from tests.repertoire.documents import FACES, HOST, TEXT, changed
from tests.wire.server import Server, as_json, serving

Asker = Callable[..., Any]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(lambda _: as_json(TEXT)) as made:
        yield made


@pytest.fixture(params=FACES)
def ask(request: pytest.FixtureRequest, server: Server) -> Asker:
    return lambda *args, **named: FACES[request.param](server.url, *args, **named)


ANSWERS: list[tuple[str, tuple[Any, ...], dict[str, Any], Any]] = [
    ("applications", (), {}, ["tap", "gafaelfawr", "portal"]),
    ("datasets", (), {}, ["alpha", "beta"]),
    ("environment_name", (), {}, "rsp.example.org"),
    ("butler_config_for", ("alpha",), {}, f"{HOST}/api/butler/repo/alpha/butler.yaml"),
    ("butler_repositories", (), {}, {"alpha": f"{HOST}/api/butler/repo/alpha/butler.yaml"}),
    ("obscore_config_for", ("alpha",), {}, "obscore/alpha.yaml"),
    ("url_for_data", ("tap", "alpha"), {}, f"{HOST}/api/tap"),
    ("url_for_data", ("cutout", "alpha"), {"version": "soda-sync-1.0"}, f"{HOST}/api/cutout/sync"),
    ("url_for_internal", ("mobu",), {}, "http://mobu.mobu:8080/"),
    ("url_for_internal", ("gafaelfawr",), {"version": "v1"}, f"{HOST}/auth/api/v1"),
    ("url_for_ui", ("portal",), {}, f"{HOST}/portal/app/"),
    ("versions_for_data", ("cutout", "alpha"), {}, ["soda-async-1.0", "soda-sync-1.0"]),
    ("versions_for_data", ("tap", "alpha"), {}, []),  # known, without versions
    ("versions_for_internal", ("gafaelfawr",), {}, ["v1"]),
    ("versions_for_internal", ("mobu",), {}, []),
    ("influxdb_databases", (), {}, ["far_metrics", "site_efd"]),
    ("influxdb_databases", (), {"local": True}, ["site_efd"]),
    ("influxdb_databases", (), {"local": False}, ["far_metrics"]),
]
UNKNOWN: list[tuple[str, tuple[Any, ...], dict[str, Any], str]] = [
    ("butler_config_for", ("alhpa",), {}, "did you mean alpha?"),
    ("butler_config_for", ("beta",), {}, "the dataset beta has no Butler"),
    ("obscore_config_for", ("beta",), {}, "no configuration for ObsCore"),
    ("obscore_config_for", ("zzz",), {}, "there are: alpha, beta"),
    ("url_for_data", ("tapp", "alpha"), {}, "did you mean tap?"),
    ("url_for_data", ("tap", "beta"), {}, "no service for the dataset beta 'tap'"),
    ("url_for_data", ("tap", "alfa"), {}, "did you mean alpha?"),
    ("url_for_data", ("cutout", "alpha"), {"version": "soda-sync-2.0"}, "did you mean soda-sync-1.0"),
    ("url_for_data", ("tap", "alpha"), {"version": "v1"}, "no version of tap 'v1'"),
    ("url_for_internal", ("gafaelfaw",), {}, "did you mean gafaelfawr?"),
    ("url_for_internal", ("mobu",), {"version": "v1"}, "no version of mobu"),
    ("url_for_ui", ("",), {}, "there are: portal"),
    ("versions_for_data", ("sia", "alpha"), {}, "there are: cutout, tap"),
    ("versions_for_internal", ("nope",), {}, "no internal service 'nope'"),
    ("influxdb_connection_info", ("site_edf",), {}, "did you mean site_efd?"),
]


@pytest.mark.parametrize(("name", "args", "named", "expected"), ANSWERS)
def test_each_question_has_upstreams_answer(
    ask: Asker, name: str, args: tuple[Any, ...], named: dict[str, Any], expected: Any
) -> None:
    answer = ask(name, *args, **named)
    assert answer == expected
    assert isinstance(answer, type(expected))
    if hasattr(SyncDiscoveryClient, f"require_{name}"):
        assert ask(f"require_{name}", *args, **named) == expected


@pytest.mark.parametrize(("name", "args", "named", "words"), UNKNOWN)
def test_what_is_not_there_is_none_or_an_error_that_helps(
    ask: Asker, name: str, args: tuple[Any, ...], named: dict[str, Any], words: str
) -> None:
    assert ask(name, *args, **named) is None
    with pytest.raises(UnknownName) as caught:
        ask(f"require_{name}", *args, **named)
    assert words in str(caught.value)
    assert isinstance(caught.value, RepertoireError)
    assert isinstance(caught.value, KeyError)


# What upstream documents, with its defaults; `*` stands before what goes by name only.
SIGNATURES = {
    "applications": "",
    "datasets": "",
    "environment": "",
    "environment_name": "",
    "build_nublado_dict": "",
    "butler_config_for": "dataset",
    "butler_repositories": "",
    "obscore_config_for": "dataset",
    "url_for_data": "service, dataset, *, version=None",
    "url_for_internal": "service, *, version=None",
    "url_for_ui": "service",
    "versions_for_data": "service, dataset",
    "versions_for_internal": "service",
    "influxdb_databases": "*, local=None",
    "influxdb_connection_info": "database",
    "influxdb_credentials": "database, token",
    "get_influxdb_connection_info": "database, token",
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_each_documented_method_has_its_signature_in_both_faces(name: str) -> None:
    for face in (SyncDiscoveryClient, DiscoveryClient):
        client: Any = face(base_url="https://rsp.example.org/repertoire")
        parameters = dict(inspect.signature(getattr(client, name)).parameters)
        parameters.pop("self", None)
        bare = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in parameters.values()]
        assert str(inspect.Signature(bare)) == f"({SIGNATURES[name]})"


def test_every_lookup_that_may_give_none_has_a_strict_one() -> None:
    names = {name for name, *_ in UNKNOWN} | {"influxdb_credentials"}
    for kind in (SyncDiscoveryClient, DiscoveryClient):
        strict = {name.removeprefix("require_") for name in dir(kind) if name.startswith("require_")}
        assert strict == names


def test_the_environment_is_an_object_or_none(ask: Asker) -> None:
    found = ask("environment")
    assert isinstance(found, Environment)
    assert (found.label, found.title_long, found.description) == ("exampleprod", "Example Science Platform", None)
    assert found.docs_url.host == "docs.example.org"
    with serving(lambda _: as_json(changed(environment=..., environment_name=...))) as older:
        assert FACES["sync"](older.url, "environment") is None
        assert FACES["sync"](older.url, "environment_name") is None


@pytest.mark.parametrize(
    ("old", "new", "args"),
    [
        ("url_for_data_service", "url_for_data", ("tap", "alpha")),
        ("url_for_internal_service", "url_for_internal", ("mobu",)),
        ("url_for_ui_service", "url_for_ui", ("portal",)),
    ],
)
def test_the_names_of_releases_up_to_0_3(ask: Asker, old: str, new: str, args: tuple[str, ...]) -> None:
    assert ask(old, *args) == ask(new, *args) is not None


def test_a_url_is_text_that_knows_its_parts(ask: Asker) -> None:
    found = ask("url_for_internal", "mobu")
    assert (found + "x", found.scheme, found.host, found.port) == ("http://mobu.mobu:8080/x", "http", "mobu.mobu", 8080)


def test_the_form_for_notebooks_is_reduced_and_reads_again(ask: Asker) -> None:
    import json

    from skykey.repertoire import Discovery

    reduced = ask("build_nublado_dict")
    assert json.loads(json.dumps(reduced)) == reduced
    assert set(reduced) == {"datasets", "influxdb_databases", "services"}
    assert reduced["datasets"]["beta"] == {}
    assert reduced["datasets"]["alpha"]["services"]["tap"] == {"url": f"{HOST}/api/tap"}
    assert reduced["services"] == {
        "internal": {
            "gafaelfawr": {"url": f"{HOST}/auth/api", "versions": {"v1": {"url": f"{HOST}/auth/api/v1"}}},
            "mobu": {"url": "http://mobu.mobu:8080/"},
        }
    }
    far = reduced["influxdb_databases"]["far_metrics"]
    assert list(far) == ["url", "database", "schema_registry", "local", "credentials_url"]
    assert far["local"] is False
    assert Discovery.model_validate(reduced).influxdb_databases["site_efd"].local is True
    with serving(lambda _: as_json("{}")) as empty:
        assert FACES["sync"](empty.url, "build_nublado_dict") == {}


def test_an_empty_environment_has_empty_answers() -> None:
    with serving(lambda _: as_json("{}")) as empty:
        for name in ("applications", "datasets", "influxdb_databases"):
            assert FACES["sync"](empty.url, name) == []
        assert FACES["async"](empty.url, "butler_repositories") == {}


def test_what_a_caller_does_with_an_answer_changes_nothing_for_the_next(server: Server) -> None:
    client = SyncDiscoveryClient(base_url=server.url)
    client.applications().clear()
    client.butler_repositories().clear()
    client.influxdb_databases().clear()
    client.build_nublado_dict()["datasets"].clear()
    found = client.discovery()
    for change in (
        lambda: setattr(found, "applications", ()),
        lambda: found.datasets.pop("alpha"),  # type: ignore[attr-defined]
        lambda: found.datasets.__setitem__("x", None),  # type: ignore[attr-defined]
        lambda: found.document["datasets"].update(x=1),
        lambda: found.document["applications"].append("x"),
        lambda: setattr(found.influxdb_databases["site_efd"], "url", "x"),
    ):
        with pytest.raises((AttributeError, TypeError)):
            change()
    assert client.applications() == ["tap", "gafaelfawr", "portal"]
    assert set(client.butler_repositories()) == {"alpha"}
    assert len(client.influxdb_databases()) == 2


def test_the_models_are_those_of_the_documentation(ask: Asker) -> None:
    found = ask("discovery")
    alpha = found.datasets["alpha"]
    tap, cutout = alpha.services["tap"], alpha.services["cutout"]
    assert type(tap) is DataService
    assert issubclass(DataService, ApiService)
    assert issubclass(ApiService, BaseService)
    assert type(found.services.internal["mobu"]) is InternalService
    assert type(found.services.ui["portal"]) is UiService
    assert (tap.title, tap.docs_url, tap.required_scopes) == (
        "Catalog queries",
        "https://docs.example.org/tap/",
        ("read:tap",),
    )
    assert tap.quota_labels == {"tap": QuotaLabel(title="TAP"), "engine": QuotaLabel(title="Backend", internal=True)}
    assert cutout.openapi == f"{HOST}/api/cutout/openapi.json"
    assert isinstance(cutout.versions["soda-async-1.0"], ApiVersion)
    assert cutout.version_for_id("ivo://ivoa.net/std/SODA#sync-1.0").url == f"{HOST}/api/cutout/sync"
    assert cutout.version_for_id("ivo://ivoa.net/std/TAP") is None
    assert alpha.docs_url == "https://alpha.example.org/"
