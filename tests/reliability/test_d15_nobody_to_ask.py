"""D15: a login where nobody can be asked (CI, a batch job, a notebook): an error at once, and nothing opened."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from skykey.sandbox import Box
from tests.reliability.proof import proven, require

PATIENCE = 2.0


def command() -> list[str]:
    return [sys.executable, "-m", "skykey", "descarteslabs", "auth", "login"]


def asking() -> list[str]:
    """What the release does: it shows the page, and waits for a line."""
    code = "import os, webbrowser; webbrowser.open('https://app.example.org'); input('paste: ')"
    return [sys.executable, "-c", code]


@contextlib.contextmanager
def nothing() -> Iterator[Any]:
    yield subprocess.DEVNULL


@contextlib.contextmanager
def a_silent_pipe() -> Iterator[Any]:
    reader, writer = os.pipe()
    try:
        yield reader
    finally:
        os.close(reader)
        os.close(writer)


@contextlib.contextmanager
def a_terminal_that_is_gone() -> Iterator[Any]:
    main, inner = os.openpty()
    os.close(main)
    try:
        yield inner
    finally:
        os.close(inner)


def closed(argv: list[str]) -> list[str]:
    """The same without any stdin."""
    return ["sh", "-c", 'exec "$0" "$@" <&-', *argv]


@proven(command, by=asking)
@pytest.mark.parametrize(
    "stdin",
    [nothing, a_silent_pipe, a_terminal_that_is_gone, "closed"],
    ids=["nothing", "silent pipe", "lost terminal", "closed"],
)
def test_d15_it_ends_at_once_and_says_what_to_do(
    kind: Any,
    *,
    stdin: Any,
    box: Box,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ceiling: Callable[[float], float],
) -> None:
    opened = tmp_path / "opened"
    (tmp_path / "browser").write_text(f"#!/bin/sh\ntouch {opened}\n")
    (tmp_path / "browser").chmod(0o755)
    monkeypatch.setenv("BROWSER", str(tmp_path / "browser"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DESCARTESLABS_IAM_URL", box.iam_url)
    argv = closed(kind()) if stdin == "closed" else kind()
    with nothing() if stdin == "closed" else stdin() as given:
        begin = time.monotonic()
        process = subprocess.Popen(
            argv, stdin=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        try:
            _, said = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            said = process.communicate()[1]
        took = time.monotonic() - begin
    require(
        "D15",
        seconds=(took, "<", ceiling(1.0)),
        code=(process.returncode, "==", 1),
        advice=("Next: skykey descarteslabs auth login --paste-file FILE" in said, "==", True),
        traceback=("Traceback" in said, "==", False),
        opened=(opened.exists(), "==", False),
        requests=(len(box.controls.requests()), "==", 0),
    )
