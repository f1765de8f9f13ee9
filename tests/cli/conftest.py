"""A sandbox for all tests of this folder, the environment that points to it, and two ways to run the command."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from skykey.cli.root import skykey
from skykey.sandbox import Box, running

COMMAND = [sys.executable, "-m", "skykey"]
NIGHT = "lsst.sal.MTMount.elevation"


@pytest.fixture(scope="session")
def shared_box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with running(tmp_path_factory.mktemp("sandbox")) as box:
        yield box


@pytest.fixture
def box(shared_box: Box, monkeypatch: pytest.MonkeyPatch) -> Box:
    """The sandbox in order, and this process's environment pointing to it."""
    shared_box.controls.reset()
    shared_box.controls.rotate()
    changes = shared_box.changes()
    for name in changes.unset:
        monkeypatch.delenv(name)
    for name, value in changes.set.items():
        monkeypatch.setenv(name, value)
    shared_box.controls.forget()
    return shared_box


@pytest.fixture
def run() -> Callable[..., Result]:
    """The command in this process."""

    def call(*arguments: str, text: str | None = None) -> Result:
        result = CliRunner().invoke(skykey, [*arguments], input=text)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


@pytest.fixture
def start() -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """The command as a process."""

    def call(*arguments: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False, **more)

    return call


# -- the documented schemas

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}


def check(value: Any, schema: dict[str, Any], root: dict[str, Any], at: str = "$") -> None:
    """The part of JSON Schema that docs/command.md uses, and no member that it does not name."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        check(value, root["$defs"][name], root, at)
        return
    if "enum" in schema:
        assert value in schema["enum"], at
        return
    wanted = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    fits = [name for name in wanted if isinstance(value, _TYPES[name])]
    assert fits, f"{at}: {value!r} is not {wanted}"
    assert not isinstance(value, bool) or "boolean" in wanted, at
    if isinstance(value, dict):
        assert set(schema["required"]) <= set(value), at
        assert set(value) <= set(schema["properties"]), at
        for name, member in value.items():
            check(member, schema["properties"][name], root, f"{at}.{name}")
    if isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            check(item, schema["items"], root, f"{at}[{number}]")


@pytest.fixture(scope="session")
def schemas() -> dict[str, dict[str, Any]]:
    page = (Path(__file__).parents[2] / "docs" / "command.md").read_text(encoding="utf-8")
    found = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]
    return {schema["title"]: schema for schema in found}


@pytest.fixture
def promised(schemas: dict[str, dict[str, Any]]) -> Callable[[str, str], Any]:
    """Read one JSON document and compare it with its documented schema."""

    def compare(name: str, text: str) -> Any:
        document = json.loads(text)
        check(document, schemas[name], schemas[name])
        return document

    return compare
