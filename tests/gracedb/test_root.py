"""Templates are filled with what stands in answers of users, and lead nowhere else."""

import pickle
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.gracedb.root import BadVersion, MissingTemplate, Root
from skykey.values.errors import OutOfReach, Unreadable, UsageError
from skykey.values.url import Url

BASE = "https://gracedb.example/api/"


def root(**info: object) -> Root:
    return Root(dict(info), Url(BASE))


FILES = root(templates={"files-template": f"{BASE}events/{{graceid}}/files/{{filename}}"})


@given(st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda name: name not in {".", ".."}))
def test_a_value_stays_within_its_segment(name: str) -> None:
    url = FILES.filled("files-template", {"graceid": "G1", "filename": name})
    assert url is not None
    assert url.query == ""
    assert url.path.count("/") == 5
    assert unquote(url.path.rpartition("/")[2]) == name


def test_the_comma_before_a_version_stays() -> None:
    assert (
        FILES.filled("files-template", {"graceid": "G1", "filename": "a.fits,0"}) == f"{BASE}events/G1/files/a.fits,0"
    )


def test_a_template_is_no_program() -> None:
    odd = root(templates={"x": f"{BASE}{{graceid.__class__}}/{{0}}/{{graceid}}"})
    with pytest.raises(UsageError, match="wants a 0"):
        odd.filled("x", {"graceid": "G1"})


@pytest.mark.parametrize("name", ["graceid", "superevent_id", "N", "tag_name", "file_name"])
def test_only_what_lists_all_may_be_empty(name: str) -> None:
    with pytest.raises(UsageError, match=name):
        root(templates={"x": f"{BASE}{{{name}}}"}).filled("x", {name: ""})


def test_labels_and_files_may_be_empty() -> None:
    assert root(templates={"x": f"{BASE}labels/{{label}}"}).filled("x", {"label": ""}) == f"{BASE}labels/"


@pytest.mark.parametrize(
    "to", ["https://other.example/", "http://gracedb.example/api/", "https://gracedb.example:444/"]
)
def test_another_origin_is_refused(to: str) -> None:
    with pytest.raises(OutOfReach):
        root(templates={"x": to}).filled("x", {})
    with pytest.raises(OutOfReach):
        root(links={"events": to}).link("events")


def test_nonsense_is_no_url() -> None:
    with pytest.raises(Unreadable, match="not a URL"):
        root(links={"events": "events/"}).link("events")


@pytest.mark.parametrize("info", [{}, {"links": None, "templates": None}, {"links": [], "templates": []}])
def test_what_is_missing_is_none(info: dict[str, object]) -> None:
    assert root(**info).link("events") is None
    assert root(**info).filled("x", {}) is None


def test_names_are_keys_and_values() -> None:
    found = root(labels=["INJ"], types={"OP": "operator"})
    assert found.named("labels") == {"INJ"}
    assert found.named("types") == {"OP", "operator"}
    assert found.named("em-groups") == frozenset()


def test_errors_say_what_there_is_and_survive_a_pickle() -> None:
    assert str(BadVersion.among(["v1"])) == "Bad API version. Available versions for this server are: ['v1']"
    assert isinstance(BadVersion.among(None), ValueError)
    again = pickle.loads(pickle.dumps(MissingTemplate("x-template")))
    assert again.key == "x-template"
    assert "x-template" in str(again)
