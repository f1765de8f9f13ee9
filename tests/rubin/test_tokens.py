"""Where a site's token is found, in the seed's order: each row of the contract's table, mended (rows D1 to D14)."""

import logging
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from skykey.credentials.keeper import Keeper
from skykey.credentials.provider import Ask
from skykey.credentials.trace import Outcome
from skykey.rubin import connections, tokens
from skykey.rubin.connections import get_access_token
from skykey.rubin.sites import find_site, own_site
from skykey.rubin.tokens import keeper_of_site, token_chain
from skykey.testing.clock import FakeClock
from skykey.values.errors import Failed, NoCredential
from skykey.values.secret import Secret
from tests.credentials.sources.checks import as_nobody, open_to_all
from tests.values.canary import CANARY

USDF = "https://usdf-rsp.slac.stanford.edu"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home, and a platform's folders, of this test's own."""
    root = tmp_path / "home"
    (root / ".lsst").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(root))
    monkeypatch.setattr(connections, "DEFAULT_TOKENFILE", str(root / ".lsst" / "usdf_rsp"))
    monkeypatch.setattr(tokens, "NUBLADO_SECRET", str(tmp_path / "etc" / "token"))
    monkeypatch.setattr(tokens, "OLD_MOUNTS", str(tmp_path / "opt"))
    for name in ("lsst", "lsst.rsp"):
        monkeypatch.setitem(sys.modules, name, None)
    return root


def put(path: Path | str, text: str) -> Path:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def set_(**variables: object) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, str(value))

    return set_


Lsst = Callable[[Any], list[tuple[tuple[Any, ...], dict[str, Any]]]]


@pytest.fixture
def lsst(monkeypatch: pytest.MonkeyPatch) -> Lsst:
    """Install a package `lsst.rsp` whose `get_access_token` is a function, as in the released lsst-rsp."""

    def install(gives: Any) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
        calls = []

        def get_access_token(*args: Any, **options: Any) -> Any:
            calls.append((args, options))
            return gives() if callable(gives) else gives

        package, rsp = ModuleType("lsst"), ModuleType("lsst.rsp")
        rsp.get_access_token = get_access_token  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "lsst", package)
        monkeypatch.setitem(sys.modules, "lsst.rsp", rsp)
        return calls

    return install


def outcomes(site: str | None = None) -> dict[str, tuple[Outcome, str]]:
    chain = token_chain(find_site(site), default=connections.DEFAULT_TOKENFILE)
    return {attempt.source: (attempt.outcome, attempt.reason) for attempt, _ in chain.survey()}


# -- the explicit file


def test_an_explicit_file_goes_before_everything(home: Path, env: Callable[..., None]) -> None:
    env(ACCESS_TOKEN="ENV")
    put(home / ".lsst/usdf_rsp", "HOME")
    assert get_access_token(str(put(home / "t", "  gt-file \n"))) == "gt-file"
    assert get_access_token(home / "t") == "gt-file"
    assert get_access_token("~/t") == "gt-file"
    assert type(get_access_token("~/t")) is str


@pytest.mark.parametrize("name", ["", "missing", "~/missing"])
def test_an_explicit_file_that_is_missing_is_not_passed_over(name: str, env: Callable[..., None]) -> None:
    env(ACCESS_TOKEN="ENV")
    with pytest.raises(FileNotFoundError) as caught:
        get_access_token(name)
    assert isinstance(caught.value, Failed)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("", ValueError),
        (" \n", ValueError),
        ("\ufeff", ValueError),
        ("a\nb", ValueError),
        (b"\xff\xfe", UnicodeDecodeError),
    ],
)
def test_an_explicit_file_that_is_unusable_is_not_passed_over(
    content: str | bytes, error: type[Exception], home: Path, env: Callable[..., None]
) -> None:
    env(ACCESS_TOKEN="ENV")
    path = home / "t"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(error) as caught:
        get_access_token(str(path))
    assert isinstance(caught.value, Failed)
    assert str(path) in str(caught.value)


def test_an_explicit_folder_is_not_passed_over(home: Path, env: Callable[..., None]) -> None:
    env(ACCESS_TOKEN="ENV")
    with pytest.raises(IsADirectoryError) as caught:
        get_access_token(str(home))
    assert isinstance(caught.value, Failed)


def test_an_unreadable_file_is_not_passed_over_also_where_the_tests_run_as_root(
    home: Path, env: Callable[..., None]
) -> None:
    env(ACCESS_TOKEN_FILE=put(home / "t", CANARY))
    (home / "t").chmod(0)
    open_to_all(home)

    def work() -> None:
        for argument in (str(home / "t"), None):
            with pytest.raises(PermissionError, match="cannot be read") as caught:
                get_access_token(argument)
            assert isinstance(caught.value, Failed)

    assert as_nobody(work) == 0


# -- the order


def test_the_sources_are_asked_in_the_documented_order(
    home: Path, tmp_path: Path, env: Callable[..., None], lsst: Lsst, monkeypatch: pytest.MonkeyPatch
) -> None:
    env(EXTERNAL_INSTANCE_URL=USDF, ACCESS_TOKEN="gt-variable", NUBLADO_RUNTIME_MOUNTS_DIR=tmp_path / "mounts")
    env(ACCESS_TOKEN_FILE=put(home / "named", "gt-named"))
    lsst("gt-lsst-rsp")
    places: list[tuple[str, Callable[[], object]]] = []
    for text, path in [
        ("gt-nublado", tmp_path / "etc" / "token"),
        ("gt-mounts", tmp_path / "mounts" / "secrets" / "token"),
        ("gt-mounts-env", tmp_path / "mounts" / "environment" / "ACCESS_TOKEN"),
        ("gt-old", tmp_path / "opt" / "secrets" / "token"),
        ("gt-old-env", tmp_path / "opt" / "environment" / "ACCESS_TOKEN"),
    ]:
        places.append((text, put(path, f" {text}\n").unlink))
    places += [
        ("gt-lsst-rsp", lambda: lsst("")),
        ("gt-variable", lambda: monkeypatch.delenv("ACCESS_TOKEN")),
        ("gt-named", lambda: monkeypatch.delenv("ACCESS_TOKEN_FILE")),
        ("gt-home", put(home / ".lsst/usdf_rsp", "gt-home").unlink),
    ]
    found = []
    for _, remove in places:
        found.append(get_access_token())
        remove()
    assert found == [text for text, _ in places]
    assert get_access_token() == ""


def test_a_stale_variable_does_not_hide_the_platforms_file(tmp_path: Path, env: Callable[..., None]) -> None:
    env(EXTERNAL_INSTANCE_URL=USDF, ACCESS_TOKEN="gt-stale")
    put(tmp_path / "etc/token", "gt-renewed")
    assert get_access_token() == "gt-renewed"


@pytest.mark.parametrize("value", ["", "  ", "\n", "\ufeff"])
def test_d4_an_empty_variable_does_not_hide_a_file(value: str, home: Path, env: Callable[..., None]) -> None:
    env(ACCESS_TOKEN=value, ACCESS_TOKEN_FILE=put(home / "named", "gt-named"))
    assert get_access_token() == "gt-named"
    assert outcomes()["the variable ACCESS_TOKEN"] == (Outcome.UNAVAILABLE, "it is set, and empty")


def test_a_variable_is_trimmed(env: Callable[..., None]) -> None:
    env(ACCESS_TOKEN="  tok \n")
    assert get_access_token() == "tok"


@pytest.mark.parametrize("name", ["missing", "empty", "blank", "/dev/null/x"])
def test_a_named_file_that_is_missing_or_empty_does_not_hide_the_home_file(
    name: str, home: Path, env: Callable[..., None]
) -> None:
    put(home / "empty", "")
    put(home / "blank", " \r\n")
    put(home / ".lsst/usdf_rsp", "\ufeffgt-home\r\n")
    env(ACCESS_TOKEN_FILE=home / name)
    assert get_access_token() == "gt-home"


def test_a_named_file_may_lie_in_the_home(home: Path, env: Callable[..., None]) -> None:
    put(home / "named", "gt-named")
    env(ACCESS_TOKEN_FILE=" ~/named ")
    assert get_access_token() == "gt-named"


@pytest.mark.parametrize("where", ["ACCESS_TOKEN_FILE", "home"])
@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda path: path.mkdir(), IsADirectoryError),
        (lambda path: path.write_bytes(b"\xff"), UnicodeDecodeError),
        (lambda path: path.write_text("a\nb"), ValueError),
        (os.mkfifo, PermissionError),
    ],
    ids=["folder", "binary", "two lines", "pipe"],
)
def test_d11_a_file_that_is_there_and_unusable_stops_with_its_name(
    where: str, make: Callable[[Path], object], error: type[Exception], home: Path, env: Callable[..., None]
) -> None:
    path = home / "named" if where == "ACCESS_TOKEN_FILE" else home / ".lsst/usdf_rsp"
    if where == "ACCESS_TOKEN_FILE":
        env(ACCESS_TOKEN_FILE=path)
        put(home / ".lsst/usdf_rsp", "gt-somebody-else")
    make(path)
    with pytest.raises(error) as caught:
        get_access_token()
    assert isinstance(caught.value, Failed)
    assert str(path) in str(caught.value)


def test_d11_a_malformed_variable_stops_with_its_name(home: Path, env: Callable[..., None]) -> None:
    env(ACCESS_TOKEN="gt-a gt-b")
    put(home / ".lsst/usdf_rsp", "gt-somebody-else")
    with pytest.raises(Failed, match="the variable ACCESS_TOKEN holds no token"):
        get_access_token()


# -- the program of the configuration


@pytest.fixture
def program(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that prints a token, named for usdf in the user's configuration."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    path = put(home / "bin/prints-a-token", f"#!/bin/sh\necho x >> {home}/runs\necho gt-printed\n")
    path.chmod(0o700)
    put(home / ".config/skykey/config.toml", f'[rubin.sites.usdf]\ntoken_program = ["{path}", "rubin"]\n')
    return path


def runs(home: Path) -> int:
    return len((home / "runs").read_text().splitlines()) if (home / "runs").exists() else 0


def test_the_program_comes_after_the_files(program: Path, home: Path, env: Callable[..., None]) -> None:
    assert list(outcomes())[-3:-1] == [f"the file {home}/.lsst/usdf_rsp", f"the program {program}"]
    before = runs(home)
    assert get_access_token() == "gt-printed"
    assert runs(home) == before + 1
    put(home / ".lsst/usdf_rsp", "gt-home")
    assert get_access_token() == "gt-home"
    assert get_access_token(put(home / "t", "gt-t")) == "gt-t"
    assert runs(home) == before + 1


def test_the_program_is_for_its_own_site_only(program: Path) -> None:
    assert f"the program {program}" not in outcomes("summit")
    held = token_chain(find_site("usdf")).obtain(None, Ask())
    assert set(map(str, held.credential.reach.origins)) == {USDF}


def test_a_program_runs_again_after_a_refusal_and_not_before(program: Path, home: Path) -> None:
    program.write_text(f"#!/bin/sh\necho x >> {home}/runs\necho gt-$(wc -l < {home}/runs)\n")
    clock = FakeClock()
    keeper = Keeper(token_chain(find_site()), clock=clock)
    for _ in range(3):
        clock.advance(3600)
        assert keeper.get().credential.token == Secret("gt-1")
    assert keeper.reject(keeper.get(), "revoked")
    assert keeper.get().credential.token == Secret("gt-2")
    assert not keeper.reject(keeper.get(), "revoked"), "twice within a moment would be hammering"


def test_d11_a_program_that_fails_stops_with_its_name(program: Path) -> None:
    program.write_text("#!/bin/sh\nexit 2\n")
    with pytest.raises(Failed, match=f"the program {program} ended with status 2"):
        get_access_token()
    program.unlink()
    assert get_access_token() == ""
    assert outcomes()[f"the program {program}"] == (Outcome.UNAVAILABLE, f"{program} does not exist")


def test_d10_no_variable_and_no_folder_names_a_program(
    home: Path, tmp_path: Path, env: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(tmp_path / "evil", f"#!/bin/sh\necho x >> {home}/runs\necho gt-evil\n")
    path.chmod(0o700)
    config = put(tmp_path / "work/config.toml", f'[rubin.sites.usdf]\ntoken_program = ["{path}"]\n')
    put(tmp_path / "work/skykey/config.toml", config.read_text())
    monkeypatch.chdir(config.parent)
    for name in (
        "TOKEN_PROGRAM",
        "SKYKEY_TOKEN_PROGRAM",
        "SKYKEY_RUBIN_TOKEN_PROGRAM",
        "RUBIN_SITES_USDF_TOKEN_PROGRAM",
    ):
        env(**{name: path})
    env(XDG_CONFIG_HOME=".")
    assert get_access_token() == ""
    assert runs(home) == 0


# -- nothing


def test_nothing_found_is_an_empty_text_and_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        assert get_access_token() == ""
    (record,) = caplog.records
    assert (record.levelname, record.name) == ("ERROR", "skykey.rubin.connections")
    assert record.getMessage().startswith("no RSP token found: a token for the site usdf was not found")


def test_d12_the_error_lists_every_source_with_its_reason_and_the_next_command(home: Path) -> None:
    with pytest.raises(NoCredential) as caught:
        Keeper(token_chain(find_site(), default=connections.DEFAULT_TOKENFILE)).get()
    lines = str(caught.value).splitlines()
    assert len(lines) <= 20
    assert [line.split(":")[0].strip() for line in lines[1:-1]] == list(outcomes())
    assert "the variable ACCESS_TOKEN: unavailable (it is not set)" in str(caught.value)
    assert "the file named by ACCESS_TOKEN_FILE: unavailable (it is not set)" in str(caught.value)
    assert f"{home}/.lsst/usdf_rsp does not exist" in str(caught.value)
    assert "lsst.rsp.get_access_token: unavailable (lsst.rsp is not installed)" in str(caught.value)
    assert lines[-1].startswith(f"Next: create a token at {USDF}/auth/tokens (scopes read:image, read:tap")


def test_the_default_file_is_read_when_a_token_is_searched(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs set the module's DEFAULT_TOKENFILE, as they did with rubin_nights."""
    monkeypatch.setattr(connections, "DEFAULT_TOKENFILE", str(put(home / "mine", "gt-mine")))
    assert get_access_token() == "gt-mine"


# -- lsst.rsp


def test_lsst_rsp_is_called_as_the_function_that_it_is(env: Callable[..., None], lsst: Lsst) -> None:
    env(EXTERNAL_INSTANCE_URL=USDF)
    calls = lsst("  gt-lsst \n")
    assert get_access_token() == "gt-lsst"
    assert set(map(str, calls)) == {"((), {})"}


@pytest.mark.parametrize("gives", ["", None, " \n"])
def test_lsst_rsp_that_finds_nothing_does_not_end_the_search(
    gives: str | None, env: Callable[..., None], lsst: Lsst
) -> None:
    env(EXTERNAL_INSTANCE_URL=USDF, ACCESS_TOKEN="gt-variable")
    lsst(gives)
    assert get_access_token() == "gt-variable"


def test_what_lsst_rsp_finds_in_the_variable_counts_as_the_variable(env: Callable[..., None], lsst: Lsst) -> None:
    env(EXTERNAL_INSTANCE_URL=USDF, ACCESS_TOKEN=" gt-variable\n")
    lsst(lambda: os.environ["ACCESS_TOKEN"])
    seen = outcomes()
    assert seen["lsst.rsp.get_access_token"] == (
        Outcome.UNAVAILABLE,
        "it repeats the variable ACCESS_TOKEN, which comes next",
    )
    assert seen["the variable ACCESS_TOKEN"][0] is Outcome.FOUND
    assert get_access_token() == "gt-variable"


def test_d13_lsst_rsp_that_raises_is_named_and_not_passed_over(env: Callable[..., None], lsst: Lsst) -> None:
    def raises() -> str:
        raise RuntimeError(CANARY)

    env(EXTERNAL_INSTANCE_URL=USDF, ACCESS_TOKEN="gt-variable")
    lsst(raises)
    with pytest.raises(Failed, match=r"^lsst\.rsp\.get_access_token raised RuntimeError$"):
        get_access_token()


def test_a_module_of_the_name_that_rubin_nights_believes_in_changes_nothing(
    env: Callable[..., None], lsst: Lsst, monkeypatch: pytest.MonkeyPatch
) -> None:
    env(EXTERNAL_INSTANCE_URL=USDF, ACCESS_TOKEN="gt-variable")
    shim = ModuleType("lsst.rsp.get_access_token")
    shim.get_access_token = lambda **_: ""  # type: ignore[attr-defined]
    lsst("gt-lsst")
    monkeypatch.setitem(sys.modules, "lsst.rsp.get_access_token", shim)
    assert get_access_token() == "gt-lsst"


# -- whose token it is (D14)


def test_d14_a_platforms_token_is_not_sent_to_another_site(tmp_path: Path, env: Callable[..., None]) -> None:
    env(EXTERNAL_INSTANCE_URL=USDF)
    put(tmp_path / "etc/token", "gt-usdf")
    name = f"the platform's {tmp_path}/etc/token"
    assert outcomes()[name][0] is Outcome.FOUND
    assert outcomes("usdf")[name][0] is Outcome.FOUND
    outcome, reason = outcomes("summit")[name]
    assert outcome is Outcome.UNAVAILABLE
    assert reason == f"it belongs to the platform at {USDF}, and https://summit-lsp.lsst.codes was asked for"
    with pytest.raises(NoCredential):
        Keeper(token_chain(find_site("summit"))).get()


def test_d14_a_mounted_token_without_a_platform_is_not_used(tmp_path: Path) -> None:
    put(tmp_path / "etc/token", "gt-unknown")
    assert get_access_token() == ""
    assert outcomes()[f"the platform's {tmp_path}/etc/token"][1].startswith("nothing says to which site it belongs")


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "https://localhost:8443", "http://[::1]:1"])
def test_a_platforms_token_is_never_for_a_loopback_address(
    url: str, tmp_path: Path, env: Callable[..., None], lsst: Lsst
) -> None:
    """There it is a sandbox, which must not see a real token."""
    env(EXTERNAL_INSTANCE_URL=url)
    put(tmp_path / "etc/token", "gt-real")
    lsst("gt-real")
    assert get_access_token() == ""
    env(ACCESS_TOKEN="gt-sandbox")
    assert get_access_token() == "gt-sandbox"


def test_an_unknown_platforms_token_is_its_own(tmp_path: Path, env: Callable[..., None]) -> None:
    env(EXTERNAL_INSTANCE_URL="https://data.lsst.cloud/")
    put(tmp_path / "etc/token", "gt-idf")
    assert get_access_token() == "gt-idf"
    held = token_chain(own_site()).obtain(None, Ask())
    assert set(map(str, held.credential.reach.origins)) == {"https://data.lsst.cloud"}


def test_the_home_files_name_is_a_hint_only(home: Path) -> None:
    put(home / ".lsst/usdf_rsp", "gt-home")
    held = token_chain(find_site("summit"), default=str(home / ".lsst/usdf_rsp")).obtain(None, Ask())
    assert set(map(str, held.credential.reach.origins)) == {"https://summit-lsp.lsst.codes"}
    assert held.credential.reach.said_by == "the site summit (built in)"


# -- the argument auth_token, changes, other processes


def test_an_explicit_token_goes_before_everything(home: Path, env: Callable[..., None]) -> None:
    env(ACCESS_TOKEN="gt-variable")
    for given in (" gt-argument\n", Secret("gt-argument")):
        chain = token_chain(find_site(), auth_token=given, tokenfile=home / "missing")
        assert chain.obtain(None, Ask()).credential.token == Secret("gt-argument")
    with pytest.raises(Failed, match="auth_token holds no token"):
        token_chain(find_site(), auth_token="").obtain(None, Ask())


def test_d1_the_platforms_file_is_read_again_when_it_changes(tmp_path: Path, env: Callable[..., None]) -> None:
    env(EXTERNAL_INSTANCE_URL=USDF)
    clock, path = FakeClock(), put(tmp_path / "etc/token", "gt-1")
    keeper = Keeper(token_chain(find_site()), clock=clock)
    assert keeper.get().credential.token == Secret("gt-1")
    put(tmp_path / "etc/new", "gt-2")
    os.replace(tmp_path / "etc/new", path)
    clock.advance(1)
    assert keeper.get().credential.token == Secret("gt-2")


def test_a_token_that_appears_later_is_found(env: Callable[..., None]) -> None:
    clock = FakeClock()
    keeper = Keeper(token_chain(find_site()), clock=clock)
    with pytest.raises(NoCredential):
        keeper.get()
    env(ACCESS_TOKEN="gt-late")
    clock.advance(1)
    assert keeper.get().credential.token == Secret("gt-late")


def test_c19_a_sites_keeper_travels_as_a_name(env: Callable[..., None]) -> None:
    env(ACCESS_TOKEN=CANARY)
    keeper = keeper_of_site("summit")
    keeper.get()
    data = pickle.dumps(keeper)
    assert CANARY.encode() not in data
    assert b"summit" in data
    env(ACCESS_TOKEN="gt-of-the-receiver")
    assert pickle.loads(data).get().credential.token == Secret("gt-of-the-receiver")
