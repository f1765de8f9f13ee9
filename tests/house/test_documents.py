"""What the pages tell people to type runs: a snippet that does not is a lie that users copy."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from skykey.cli.root import skykey
from skykey.sandbox import Box, running

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", "docs/command.md", "docs/descarteslabs.md", "docs/keeping.md", "docs/tables.md"]
# The sandbox has one service of the imagery platform; what a page asks of the others is asked of it.
SERVICES = {"get_settings().catalog_v2_url": "get_settings().platform_url", "/products/my-org:my-product": "/echo"}
# A second account, whose file a page names.
SECOND = """\
import os, shutil
shutil.copy(os.environ["DESCARTESLABS_TOKEN_INFO_PATH"], os.path.expanduser("~/work.json"))
"""


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text(page), re.DOTALL)


def commands(page: str) -> Iterator[list[str]]:
    """Every ``skykey …`` that a page types at a prompt, also one within another."""
    for line in re.findall(r"^ *\$ (.*)", text(page), re.MULTILINE):
        for found in re.findall(r"\bskykey( [^;|>)#\n]*)", line):
            for command in found.split(" -- "):
                words = shlex.split(command)
                if words and words[0] != "python":
                    yield words[1:] if words[0] == "skykey" else words


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with running(tmp_path_factory.mktemp("sandbox")) as box:
        yield box


def run(box: Box, home: Path, program: str) -> "subprocess.CompletedProcess[str]":
    for named, there in SERVICES.items():
        program = program.replace(named, there)
    (home / "program.py").write_text(program)
    play = [sys.executable, "-m", "skykey", "sandbox", "run", "--as-real", "--state", str(box.folder), "--"]
    return subprocess.run(
        [*play, sys.executable, "-W", "error", "program.py"],
        cwd=home,
        env={**os.environ, "HOME": str(home)},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("page", PAGES)
def test_commands_that_pages_type_exist(page: str) -> None:
    seen = list(commands(page))
    assert seen or page == "docs/keeping.md"
    for words in seen:
        result = CliRunner().invoke(skykey, [*words, "--help"])
        assert (result.exit_code, result.stdout[:6]) == (0, "Usage:"), (words, result.output)


def test_snippets_about_logins_run(box: Box, tmp_path: Path) -> None:
    snippets = [block for block in blocks("docs/descarteslabs.md", "python") if "conftest.py" not in block]
    assert len(snippets) > 4
    done = run(box, tmp_path, "\n".join([SECOND, *snippets]))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "not-authenticated skykey descarteslabs auth login\n"


def test_the_snippet_of_the_first_page_runs(box: Box, tmp_path: Path) -> None:
    (snippet,) = (block for block in blocks("README.md", "python") if "descarteslabs" in block)
    done = run(box, tmp_path, snippet)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_fixtures_do_what_their_page_says(tmp_path: Path) -> None:
    (snippet,) = (block for block in blocks("docs/descarteslabs.md", "python") if "conftest.py" in block)
    configuration, tests = snippet.split("# test_mine.py")
    program = """
from skykey.descarteslabs.auth import Auth
from skykey.descarteslabs.config import get_settings
from skykey.descarteslabs.session import Session

def my_program():
    with Session(get_settings().platform_url, auth=Auth()) as session:
        assert session.get("/echo").json()["claims"]["name"] == "Ada"
"""
    (tmp_path / "conftest.py").write_text(configuration)
    (tmp_path / "test_mine.py").write_text(program + tests)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
