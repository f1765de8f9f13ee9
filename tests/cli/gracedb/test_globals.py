"""The options of `skykey gracedb`: anywhere on the line, with the effect that they promise; and a quick start."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from skykey.cli.gracedb.proxy import _address, through
from skykey.values.errors import UsageError
from tests.cli.conftest import COMMAND
from tests.cli.gracedb.scripted_gracedb import ScriptedGraceDb, scitoken
from tests.wire.server import Authority, World, as_json, reply

Run = Callable[..., Result]


# -- anywhere


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize(
    ("option", "shown"),
    [
        (["--output-type", "status"], "Server returned 201: Created\n"),
        (["--output-type=status"], "Server returned 201: Created\n"),
    ],
)
def test_an_option_may_stand_anywhere(
    run: Run, gracedb: ScriptedGraceDb, place: int, option: list[str], shown: str
) -> None:
    line = ["add", "label", "S1", "INJ"]
    assert run("gracedb", *line[:place], *option, *line[place:]).stdout == shown
    assert run("gracedb", *line, *option).stdout == shown


def test_what_stands_further_to_the_right_counts(run: Run, gracedb: ScriptedGraceDb) -> None:
    told = run(
        "gracedb", "--output-type", "json", "get", "--output-type", "table", "event", "G1", "--output-type", "status"
    )
    assert told.stdout == "Server returned 200: OK\n"
    assert run("gracedb", "--output-type", "status", "get", "event", "G1", "--json").exit_code == 2


def test_a_value_of_the_command_is_not_taken_for_an_option_of_all(run: Run, gracedb: ScriptedGraceDb) -> None:
    from tests.cli.gracedb.scripted_gracedb import sent

    for line in (["-n is too high"], ["--", "-n"], ["- see --help"], ["-0.5"]):
        assert run("gracedb", "create", "log", "G1", *line).exit_code == 0
        assert sent(gracedb.asked[-1])["comment"] == line[-1]
    assert run("gracedb", "update", "signoff", "S1", "ADV", "--comment", "-n").exit_code == 0
    assert sent(gracedb.asked[-1])["comment"] == "-n"


@pytest.mark.parametrize(
    "line",
    ["-h create event", "create -h event", "create event -h", "create event CBC gstlal x --help",
     "-n -s x --help create event",
     "create event --help --output-type status"],
)  # fmt: skip
def test_help_belongs_to_the_innermost_command(run: Run, gracedb: ScriptedGraceDb, line: str) -> None:
    result = run("gracedb", *line.split())
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("Usage: skykey gracedb create event [OPTIONS] GROUP PIPELINE EVENT_FILE")
    assert gracedb.seen == []


def test_groups_have_a_help_too(run: Run) -> None:
    assert run("gracedb", "--help").stdout.startswith("Usage: skykey gracedb [OPTIONS] COMMAND")
    assert run("gracedb", "-h", "create").stdout.startswith("Usage: skykey gracedb create [OPTIONS] COMMAND")
    assert "show " not in run("gracedb", "--help").stdout.partition("Commands:")[2]


@pytest.mark.parametrize("line", ["-V", "--version", "get event -V", "get -V", "create event --version"])
def test_the_version(run: Run, line: str) -> None:
    from skykey import version

    assert run("gracedb", *line.split()).stdout == f"skykey {version()}\n"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nope", "no such command 'nope'"),
        ("create nope", "no such command 'nope'"),
        ("create", "Usage: skykey gracedb create"),
        ("get event", "missing argument 'GRACEID'"),
        ("get event G1 G2", "unexpected extra argument"),
        ("get log G1 x", "'x' is not a valid integer"),
        ("get event G1 --nope", "no such option '--nope'"),
        ("search events x --columns", "'--columns' requires an argument"),
        ("search events x --max-results -1", "-1 is not in the range"),
        ("search events x --columns a,,b", "has an empty name in it"),
        ("create voevent S1 PR --bns 2", "2.0 is not in the range"),
        ("create emobservation G1 ZTF a 1 1 1 1 1", "is not a number"),
        ("info nope", "'nope' is not one of"),
        ("--output-type nope ping", "'nope' is not one of"),
        ("--retries -1 ping", "-1 is not in the range"),
        ("-n -f ping", "cannot select both force_noauth and fail_if_noauth"),
        ("ping --creds a,b,c", "--creds takes the name of one file, or of two"),
        ("ping --creds a,", "--creds takes the name of one file, or of two"),
        ("ping -s nonsense", ""),
    ],
)
def test_a_wrong_line_is_said_before_anything_is_asked(
    run: Run, gracedb: ScriptedGraceDb, line: str, words: str
) -> None:
    result = run("gracedb", *line.split())
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert gracedb.seen == []


# -- their effect


def test_the_service_of_the_line_goes_before_that_of_the_variable(run: Run, gracedb: ScriptedGraceDb) -> None:
    with ScriptedGraceDb() as other:
        assert run("gracedb", "-s", other.api.rstrip("/"), "get", "event", "G1").exit_code == 0
        assert (len(other.asked), len(gracedb.seen)) == (1, 0)


def test_an_empty_variable_names_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    import click

    import skykey.gracedb.rest
    from skykey.cli.gracedb.given import client

    made: list[Any] = []

    class Made(skykey.gracedb.rest.GraceDb):
        def __init__(self, *urls: Any, **options: Any) -> None:
            made.append({**options, "urls": urls})
            super().__init__(*urls, **options)

    monkeypatch.setattr("skykey.gracedb.rest.GraceDb", Made)
    monkeypatch.setenv("GRACEDB_SERVICE_URL", "")
    with click.Context(click.Command("x")), client():
        pass
    assert made == [{"force_noauth": False, "fail_if_noauth": False, "urls": ()}]


def test_the_version_of_the_api(run: Run, gracedb: ScriptedGraceDb) -> None:
    assert run("gracedb", "--api-version", "v1", "get", "event", "G1").exit_code == 0
    assert gracedb.seen[0].path == "/api/v1/"


def test_repeats_are_counted(run: Run, gracedb: ScriptedGraceDb) -> None:
    gracedb.says["events/G1"] = reply(503, "busy", Retry_After="0")
    assert run("gracedb", "get", "event", "G1", "--retries", "2").exit_code == 8
    assert len(gracedb.asked) == 3
    assert run("gracedb", "get", "event", "G1", "--retries", "0").exit_code == 8
    assert len(gracedb.asked) == 4


@pytest.fixture
def wallet(nobody: Path) -> Path:
    """A token where programs look for one."""
    place = nobody / f"bt_u{os.geteuid()}"
    place.write_text(scitoken())
    place.chmod(0o600)
    return place


@pytest.mark.parametrize(
    ("options", "is_sent"), [([], True), (["-n"], False), (["-f"], True), (["--use-auth", "scitoken"], True)]
)
def test_credentials_go_along_as_the_line_says(
    run: Run, gracedb: ScriptedGraceDb, wallet: Path, options: list[str], is_sent: bool
) -> None:
    result = run("gracedb", "get", "event", "G1", *options)
    assert result.exit_code == 0, result.stderr
    assert ("authorization" in gracedb.asked[0].headers) is is_sent
    assert wallet.read_text() not in result.output


def test_who_insists_on_credentials_is_not_anonymous(run: Run, gracedb: ScriptedGraceDb) -> None:
    for options in (["-f"], ["-f", "--use-auth", "scitoken"], ["--use-auth", "x509"]):
        assert run("gracedb", "get", "event", "G1", *options).exit_code == 4
    assert gracedb.seen == []


def test_what_the_credentials_are(run: Run, gracedb: ScriptedGraceDb, wallet: Path) -> None:
    shown = json.loads(run("gracedb", "credentials", "client").stdout)
    assert list(shown["scitoken"]) == ["SciToken subject", "SciToken expiration", "SciToken scope", "SciToken audience"]
    assert shown["scitoken"]["SciToken subject"] == "albert.einstein@ligo.org"
    assert json.loads(run("gracedb", "-n", "credentials", "client").stdout) == {"auth_type(s)": "No auth type found"}
    assert gracedb.seen == []


# -- proxies


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("proxy.example", "http://proxy.example"),
        ("proxy.example:3128", "http://proxy.example:3128"),
        ("http://proxy.example:3128", "http://proxy.example:3128"),
        ("http://proxy.example:3128/", "http://proxy.example:3128/"),
        ("https://proxy.example", "https://proxy.example"),
        ("[::1]:3128", "http://[::1]:3128"),
        ("10.0.0.1:80", "http://10.0.0.1:80"),
        ("me:pass@proxy.example:3128", "http://me:pass@proxy.example:3128"),
    ],
)
def test_a_proxy_may_have_a_scheme(given: str, address: str) -> None:
    """In the release the usual address with two colons ends every command."""
    assert _address(given) == address


@pytest.mark.parametrize(
    "given", ["", "ftp://x", "http://", "a b", "x:port", "x:99999", "socks5://x", "http://x/path", "x:1:2"]
)
def test_what_is_no_proxy_is_refused_and_not_repeated(given: str) -> None:
    with pytest.raises(UsageError) as caught:
        _address(given)
    assert "--proxy takes HOST" in str(caught.value)
    assert not given or given not in caught.value.message


def test_the_environment_is_as_before_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"https_proxy": "http://a", "NO_PROXY": "*", "HTTPS_PROXY": "http://b"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("http_proxy", raising=False)
    before = dict(os.environ)
    with through("c"):
        assert (os.environ["https_proxy"], os.environ["http_proxy"]) == ("http://c", "http://c")
        assert "NO_PROXY" not in os.environ
    assert dict(os.environ) == before
    with pytest.raises(UsageError), through("c"):
        raise UsageError("x")
    assert dict(os.environ) == before


@pytest.mark.parametrize("how", ["option", "bare option", "variable"])
def test_requests_go_through_the_proxy(
    run: Run, nobody: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, how: str
) -> None:
    from tests.cli.gracedb.scripted_gracedb import root_of

    api = "https://gracedb.ligo.org/api/"
    monkeypatch.delenv("GRACEDB_SERVICE_URL", raising=False)
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
    with World(authority) as world:
        world.answer = lambda seen: as_json(json.dumps(root_of(api) if seen.path == "/api/" else {"graceid": "G1"}))
        if how == "variable":
            monkeypatch.setenv("HTTPS_PROXY", world.url)
            monkeypatch.delenv("NO_PROXY")
            monkeypatch.delenv("no_proxy", raising=False)
        option = {"option": ["-p", world.url], "bare option": ["--proxy", world.url.removeprefix("http://")]}.get(
            how, []
        )
        result = run("gracedb", "get", "event", "G1", *option)
        assert (result.exit_code, result.stderr) == (0, "")
        assert json.loads(result.stdout) == {"graceid": "G1"}
        assert set(world.connects) == {"gracedb.ligo.org:443"}


def test_this_machine_is_asked_without_a_proxy(run: Run, gracedb: ScriptedGraceDb) -> None:
    assert run("gracedb", "-p", "proxy.invalid:1", "get", "event", "G1").exit_code == 0


# -- start and completion

HEAVY = {"asyncio", "httpcore2", "ssl", "pandas", "pyarrow", "numpy", "requests", "rich", "cryptography", "logging",
         "subprocess", "skykey.gracedb.rest", "skykey.gracedb.client", "skykey.wire", "skykey.calls"}  # fmt: skip


@pytest.mark.parametrize("line", ["--version", "--help", "create event --help", "search events -h"])
def test_the_start_is_quick_and_loads_nothing(line: str, ceiling: Callable[[float], float]) -> None:
    def took(*command: str) -> float:
        """Seconds of a processor: what else the machine does at the time does not count."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([*command, "gracedb", *line.split()], capture_output=True, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert done.returncode == 0, done.stderr
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(took(*COMMAND) for _ in range(5)) <= ceiling(0.1)
    assert min(took(sys.executable, "-m", "skykey.dropin") for _ in range(5)) <= ceiling(0.1)
    program = f"import sys\nfrom skykey.__main__ import main\ntry: main(['gracedb', *{line.split()!r}])\n"
    program += f"except SystemExit: pass\nprint(sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("skykey gra", "gracedb"),
        ("skykey gracedb cre", "create credentials"),
        ("skykey gracedb create ev", "event"),
        ("skykey gracedb info sig", "signoff_types signoff_statuses"),
        ("skykey gracedb create event --rep", "--replay-id"),
        ("skykey gracedb --use-auth x", "x509"),
        ("skykey gracedb search events --max", "--max-results"),
        ("skykey why gracedb --site pl", "playground"),
    ],
)
def test_completion_asks_nobody(gracedb: ScriptedGraceDb, start: Any, words: str, expected: str) -> None:
    asked = {"_SKYKEY_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    lines = start(env=os.environ | asked).stdout.split()
    assert sorted(lines) == sorted(f"plain,{name}" for name in expected.split())
    assert gracedb.seen == []
