"""The official client beside ours: the same answers from the same documents, and its errors' names.

``rubin-repertoire`` runs in an environment and a process of its own. It needs Python 3.12, and guests run on the Python
of these tests.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from skykey.repertoire import Discovery, RepertoireWebError, SyncDiscoveryClient
from skykey.sandbox import Box
from tests.repertoire.documents import DOCUMENT, TEXT, changed
from tests.repertoire.test_lookups import ANSWERS, UNKNOWN
from tests.wire.askers import FastClock
from tests.wire.server import as_json, reply, serving
from tools import parts

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(sys.version_info < (3, 12), reason="rubin-repertoire needs Python 3.12"),
]

PROGRAM = """
import asyncio, json, logging, sys
import structlog
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
from rubin import repertoire

def plain(value):
    if isinstance(value, repertoire.InfluxDatabaseWithCredentials):
        return plain(value.model_dump(mode="json"))
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    return value

async def main(base, questions):
    client = repertoire.DiscoveryClient(base_url=base)
    for name, args, named in questions:
        try:
            print(json.dumps({"answer": plain(await getattr(client, name)(*args, **named))}))
        except Exception as problem:
            kinds = [kind.__name__ for kind in type(problem).__mro__]
            print(json.dumps({"raised": kinds, "status": getattr(problem, "status", None)}))
    await client.aclose()

base, questions, document = json.load(sys.stdin)
asyncio.run(main(base, questions))
if document is not None:
    found = repertoire.Discovery.model_validate(document)
    print(json.dumps([found.model_dump_json(exclude_defaults=True), found.to_nublado_dict()]))
"""


@pytest.fixture(scope="module")
def python() -> Path:
    return parts.guest("rubin-repertoire")


def told(python: Path, base: str, questions: list[Any], document: Any = None) -> list[Any]:
    done = subprocess.run(
        [str(python), "-I", "-c", PROGRAM],
        input=json.dumps([base, questions, document]),
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def plain(value: Any) -> Any:
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value


QUESTIONS = [[name, args, named] for name, args, named, _ in [*ANSWERS, *UNKNOWN]] + [
    ["environment", [], {}],
    ["influxdb_connection_info", ["site_efd"], {}],
    ["influxdb_connection_info", ["far_metrics"], {}],
    ["build_nublado_dict", [], {}],
]


def test_the_version_is_the_pinned_one(python: Path) -> None:
    code = "import importlib.metadata as m, rubin.repertoire; print(m.version('rubin-repertoire'))"
    assert subprocess.check_output([python, "-c", code], text=True).strip() == "3.1.0"


@pytest.mark.parametrize("sections", [{}, {"environment": ..., "environment_name": ...}, dict.fromkeys(DOCUMENT, ...)])
def test_every_question_has_the_same_answer(python: Path, sections: dict[str, Any]) -> None:
    with serving(lambda _: as_json(changed(**sections))) as server:
        theirs = told(python, server.url, QUESTIONS)
        client = SyncDiscoveryClient(base_url=server.url)
        for (name, args, named), found in zip(QUESTIONS, theirs, strict=True):
            assert found == {"answer": plain(getattr(client, name)(*args, **named))}, (name, args, named)


def test_a_document_is_written_the_same_way(python: Path) -> None:
    written, reduced = told(python, "https://unused.example", [], DOCUMENT)[-1]
    ours = Discovery.model_validate(DOCUMENT)
    assert json.loads(written) == json.loads(ours.model_dump_json(exclude_defaults=True))
    assert reduced == ours.to_nublado_dict()


def test_a_login_is_the_same_and_only_theirs_shows_its_password(python: Path, box: Box) -> None:
    base = f"{box.site_url}/repertoire"
    (theirs,) = told(python, base, [["influxdb_credentials", ["usdf_efd", box.token], {}]])
    ours = SyncDiscoveryClient(base_url=base).require_influxdb_credentials("usdf_efd", box.token)
    assert theirs["answer"] == ours.to_dict(include_secrets=True)
    assert ours.model_dump(mode="json") == theirs["answer"] | {"password": "**********"}


@pytest.mark.parametrize("status", [401, 403, 404, 422, 429, 500, 503, 307])
def test_a_refusal_has_the_same_class_and_status(python: Path, status: int) -> None:
    with serving(lambda _: reply(status, "no", Location="https://elsewhere.example/")) as server:
        (theirs,) = told(python, server.url, [["datasets", [], {}]])
        client = SyncDiscoveryClient(base_url=server.url)
        client._clock = FastClock()
        with pytest.raises(RepertoireWebError) as caught:
            client.datasets()
    kinds = [kind.__name__ for kind in type(caught.value).__mro__]
    assert {"RepertoireWebError", "RepertoireError"} <= set(kinds) & set(theirs["raised"])
    assert theirs["status"] == caught.value.status == status


def test_the_document_for_notebooks_reads_in_both(python: Path) -> None:
    reduced = Discovery.model_validate(json.loads(TEXT)).to_nublado_dict()
    with serving(lambda _: as_json(json.dumps(reduced))) as server:
        theirs = told(python, server.url, [["influxdb_databases", [], {}], ["butler_repositories", [], {}]])
    assert theirs == [
        {"answer": ["far_metrics", "site_efd"]},
        {"answer": {"alpha": DOCUMENT["datasets"]["alpha"]["butler_config"]}},
    ]
