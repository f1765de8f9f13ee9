"""What the pages about nights and logs tell people to type runs, and names what is there."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from skykey.sandbox import Box

Run = Callable[..., Result]
DOCS = Path(__file__).parents[2] / "docs"
PAGES = ["night.md", "logs.md"]


def text(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_snippets_run(box: Box, page: str) -> None:
    snippets = re.findall(r"```python\n(.*?)```", text(page), re.DOTALL)
    assert len(snippets) >= 2
    names: dict[str, object] = {}
    for snippet in snippets:
        exec(compile(snippet, page, "exec"), names)
    if page == "logs.md":
        night, faults, junk = (names[name] for name in ("night", "faults", "junk"))
        assert len(night) > 10  # type: ignore[arg-type]
        assert len(faults) > 1  # type: ignore[arg-type]
        assert len(junk) > 1  # type: ignore[arg-type]
        assert names["corrected"]["parent_id"] == names["written"]["id"]  # type: ignore[index]


@pytest.mark.parametrize("page", PAGES)
def test_commands_run(box: Box, run: Run, page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    typed = re.findall(r"^\$ skykey (.*)", text(page), re.MULTILINE)
    assert len(typed) >= 3
    for line in typed:
        words = shlex.split(line.partition(" ||")[0].replace("/srv/www", str(tmp_path)))
        result = run(*words)
        assert result.exit_code == 0, (line, result.stderr)


@pytest.mark.parametrize("page", PAGES)
def test_options_are_there(run: Run, page: str) -> None:
    helps = "".join(run("rubin", name, "--help").stdout for name in ("night", "visits", "logs", "report"))
    named = set(re.findall(r"(?<![\w-])--[a-z]+", text(page)))
    assert named
    assert {name for name in named if name not in helps} == set()
