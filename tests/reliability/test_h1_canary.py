"""H1, H2: a canary through every command and every provider, at DEBUG; it comes out nowhere, in no spelling."""

import base64
import contextlib
import importlib
import inspect
import io
import json
import logging
import os
import pickle
import pkgutil
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import pytest
from click.shell_completion import get_completion_class

import skykey.credentials.grants
import skykey.credentials.sources
from skykey.calls.repeats import Repeats
from skykey.cli import failures
from skykey.cli.root import skykey as root
from skykey.credentials.chain import Chain
from skykey.credentials.explanation import explain
from skykey.credentials.grants.client_credentials import ClientCredentials
from skykey.credentials.grants.refresh_token import RefreshToken
from skykey.credentials.grants.retries import Retries
from skykey.credentials.grants.token_endpoint import TokenEndpoint
from skykey.credentials.keeper import Keeper
from skykey.credentials.provider import Ask, Keeping
from skykey.credentials.sources.argument import Argument
from skykey.credentials.sources.certificate import CertificateFiles
from skykey.credentials.sources.environment import Variable
from skykey.credentials.sources.file import File
from skykey.credentials.sources.function import Function
from skykey.credentials.sources.netrc import Netrc
from skykey.credentials.sources.platform import PlatformSecret
from skykey.credentials.sources.plugins import Plugins
from skykey.credentials.sources.program import Program
from skykey.credentials.sources.several import Several
from skykey.sandbox import Box, running
from skykey.testing import Canary
from skykey.values.errors import SkykeyError, Unavailable
from skykey.values.reach import Reach
from skykey.values.secret import Secret
from skykey.values.url import Url
from tests.reliability import naive_sources as naive
from tests.wire.server import Seen, Server, reply, serving

TOPIC = "lsst.sal.fooSubSys.test"
STATEMENT = f'SELECT foo FROM "{TOPIC}" LIMIT 1'
OURS = "/src/skykey/"
LIBRARIES = "/httpcore2/"
PATIENCE = 30.0

# What a command needs to get far. One that is not here is run with what its usage says (`guessed`).
WORDS = {
    "rubin fields": [TOPIC],
    "rubin query": [STATEMENT],
    "rubin plot": [TOPIC, "foo"],
    "sandbox up": ["--detach"],
    "sandbox run": ["--", "true"],
}
# Those that start servers, for which once is enough.
ONCE = {"sandbox up", "sandbox run"}
# The commands whose purpose it is to print a secret, there.
MAY_SHOW = {(command, "stdout") for command in ("token", *(f"{brand} auth {verb}" for brand in
            ("descarteslabs", "earthone") for verb in ("token", "env")))}  # fmt: skip


# -- the commands


def commands(group: Any = root, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every command below the root, whoever adds it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


def guessed(command: click.Command) -> list[str]:
    """Something for each argument that must be there."""
    needed = (p for p in command.params if isinstance(p, click.Argument) and p.required)
    return [str(p.type.choices[0]) if isinstance(p.type, click.Choice) else "x" for p in needed]


def calls(name: str, command: click.Command, scene: "Scene") -> Iterator[list[str]]:
    """A command in the ways in which people type it, with secrets where a secret can stand."""
    words = [*name.split(), *WORDS.get(name, guessed(command))]
    options = {option for parameter in command.params for option in parameter.opts}
    systems = [p for p in command.params if p.name == "system" and isinstance(p.type, click.Choice)]
    for system in systems[0].type.choices[1:] if systems else []:  # type: ignore[attr-defined]
        yield [*name.split(), system]
    yield words
    if "--json" in options:
        yield [*words, "--json"]
    if name == "decode":
        keys = scene.write("keys.json", '{"keys": []}')
        yield ["decode", "-"]
        yield ["decode", "--verify", "--issuer", "https://issuer.example", "--jwks", str(keys), "rubin"]
        yield from (["decode", "--json", text] for text in (scene.canary.jwt, scene.canary.opaque))
    for file in scene.files:
        if "--tokenfile" in options:
            yield [*words, "--tokenfile", str(file)]
        if name == "decode":
            yield ["decode", str(file)]


# -- the scenes


@dataclass
class Scene:
    """Where a command finds itself."""

    canary: Canary
    home: Path
    box: Box
    patch: pytest.MonkeyPatch
    files: list[Path] = field(default_factory=list)

    def env(self, **variables: str) -> None:
        for name, value in variables.items():
            self.patch.setenv(name, value)

    def write(self, path: str, text: str | bytes, mode: int = 0o600) -> Path:
        file = self.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape"))
        file.chmod(mode)
        return file

    def configure(self, text: str) -> None:
        self.write(".config/skykey/config.toml", text)

    def secrets_everywhere(self, text: str) -> None:
        """In each variable and file that holds a secret for some system."""
        for name in list(os.environ):
            if name.startswith(("DESCARTESLABS_", "EARTHONE_")) and not name.endswith("_URL"):
                self.patch.delenv(name)
        names = ["ACCESS_TOKEN", "CLIENT_SECRET"]
        names += [f"{brand}_{what}" for brand in ("DESCARTESLABS", "EARTHONE") for what in
                  ("TOKEN", "REFRESH_TOKEN", "CLIENT_SECRET")]  # fmt: skip
        self.env(CLIENT_ID="client-of-this-test", **dict.fromkeys(names, text))
        login = {"client_id": "c", "client_secret": text, "refresh_token": self.canary.refresh, "jwt_token": text}
        for folder in (".descarteslabs", ".earthone"):
            self.write(f"{folder}/token_info.json", json.dumps(login))


def as_it_should_be(scene: Scene) -> None:
    scene.write(".lsst/usdf_rsp", scene.canary.refresh)


def opaque_token(scene: Scene) -> None:
    """Which no service here accepts."""
    scene.secrets_everywhere(scene.canary.opaque)


def web_token(scene: Scene) -> None:
    scene.secrets_everywhere(scene.canary.jwt)


def two_in_a_variable(scene: Scene) -> None:
    scene.secrets_everywhere(f"{scene.canary.opaque} {scene.canary.refresh}\n{scene.canary.jwt}")


def password_as_token(scene: Scene) -> None:
    scene.secrets_everywhere(scene.canary.password)


def unusable_file(scene: Scene) -> None:
    scene.env(ACCESS_TOKEN_FILE=str(scene.files[1]))


def faults(scene: Scene) -> None:
    for status in (401, 403, 429, 500):
        scene.box.controls.fault(times=9, status=status, retry_after=3600)
    scene.box.controls.fault("html", times=9)
    scene.box.controls.fault("truncate", times=9)
    scene.box.controls.fault("close", times=9)


def failing(status: int) -> Callable[[Scene], None]:
    def set_up(scene: Scene) -> None:
        scene.box.controls.fault(times=999, status=status, retry_after=3600)

    return set_up


def down(scene: Scene) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{free.getsockname()[1]}"
    for name in list(os.environ):
        if name.endswith("_URL"):
            scene.env(**{name: away})
    scene.secrets_everywhere(scene.canary.opaque)


def helper_program(scene: Scene) -> None:
    secret = scene.canary.opaque
    scene.patch.delenv("ACCESS_TOKEN_FILE")
    program = scene.write("helper", f"#!/bin/sh\necho {secret} {secret}\necho {secret} >&2\nexit 3\n", 0o700)
    url = os.environ["EXTERNAL_INSTANCE_URL"]
    scene.configure(f'[rubin.sites.mine]\nurl = "{url}"\ntoken_program = ["{program}", "{secret}"]\n')


def helper_program_with_too_much(scene: Scene) -> None:
    helper_program(scene)
    scene.write("helper", f"#!/bin/sh\necho {scene.canary.opaque} {scene.canary.jwt}\n", 0o700)


def secrets_in_urls(scene: Scene) -> None:
    pair = f"user:{quote(scene.canary.password, safe='')}"
    scene.env(EXTERNAL_INSTANCE_URL=f"https://{pair}@site.example", REPERTOIRE_BASE_URL=f"https://{pair}@site.example")
    scene.env(SKYKEY_RUBIN_SITES=f"mine=https://{pair}@site.example,other={scene.canary.opaque}")


def secrets_in_the_configuration(scene: Scene) -> None:
    pair = f"user:{quote(scene.canary.password, safe='')}"
    scene.configure(f'[rubin.sites.mine]\nurl = "https://{pair}@site.example"\ntoken = "{scene.canary.opaque}"\n')


def a_token_for_a_configuration(scene: Scene) -> None:
    scene.configure(f"{scene.canary.opaque}\n[rubin\n{scene.canary.jwt} =\n")


def secrets_in_a_proxy(scene: Scene) -> None:
    proxy = f"http://user:{scene.canary.refresh}@127.0.0.1:9"
    scene.env(HTTPS_PROXY=proxy, https_proxy=proxy, EXTERNAL_INSTANCE_URL="https://site.example")
    scene.env(
        SKYKEY_RUBIN_SITES="mine=https://site.example", ACCESS_TOKEN=scene.canary.opaque, NO_PROXY="", no_proxy=""
    )
    scene.patch.delenv("REPERTOIRE_BASE_URL")


def a_server_that_repeats_tokens(scene: Scene) -> None:
    scene.secrets_everywhere(scene.canary.opaque)
    said = f"the token {scene.canary.opaque} is not valid"
    # Where a token is sent: whoever repeats one must have had it.
    for service, path in (("gafaelfawr", None), ("repertoire", "/repertoire/discovery/influxdb"), ("iam", None)):
        answer = json.dumps({"detail": [{"msg": said}]})
        scene.box.controls.fault(times=999, status=401, body=answer, service=service, path=path)


def a_token_for_a_url(scene: Scene) -> None:
    scene.env(EXTERNAL_INSTANCE_URL=scene.canary.opaque, SKYKEY_RUBIN_SITES=f"mine={scene.canary.opaque}")


SCENES: dict[str, Callable[[Scene], None]] = {
    "as it should be": as_it_should_be,
    "an opaque token": opaque_token,
    "a JSON Web Token": web_token,
    "two tokens": two_in_a_variable,
    "a password": password_as_token,
    "an unusable file": unusable_file,
    "faults": faults,
    "status 401": failing(401),
    "status 500": failing(500),
    "status 503": failing(503),
    "down": down,
    "a helper that fails": helper_program,
    "a helper that says too much": helper_program_with_too_much,
    "secrets in URLs": secrets_in_urls,
    "a token for a URL": a_token_for_a_url,
    "secrets in the configuration": secrets_in_the_configuration,
    "a token for a configuration": a_token_for_a_configuration,
    "secrets in a proxy": secrets_in_a_proxy,
    "a server that repeats tokens": a_server_that_repeats_tokens,
}


WITH_FILES = {"as it should be", "status 401"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with running(tmp_path_factory.mktemp("sandbox")) as box:
        yield box


@pytest.fixture
def scene(shared: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """A sandbox in order, an environment that points to it, and a home of this test's own."""
    shared.controls.reset()
    shared.controls.rotate()
    changes = shared.changes()
    for name in changes.unset:
        monkeypatch.delenv(name)
    # What is sent again is, and at once.
    waits = Retries.waits
    monkeypatch.setattr(Retries, "waits", lambda self: (seconds / 10_000 for seconds in waits(self)))
    asked = Repeats.wait_after

    def wait_after(self: Repeats, problem: SkykeyError, *, begun: bool) -> float | None:
        seconds = asked(self, problem, begun=begun)
        return None if seconds is None else seconds / 10_000

    monkeypatch.setattr(Repeats, "wait_after", wait_after)
    made = Scene(Canary(), tmp_path, shared, monkeypatch)
    made.env(HOME=str(tmp_path), XDG_CONFIG_HOME=str(tmp_path / ".config"), **changes.set)
    monkeypatch.chdir(tmp_path)
    for name, value in secrets_of(shared).items():
        made.canary.add(name, value)
    canary = made.canary
    made.files = [
        made.write("login.json", json.dumps({"access_token": canary.jwt, "refresh_token": canary.refresh})),
        made.write("two", f"{canary.opaque}\n{canary.refresh}\n"),
        made.write("binary", b"\xff\xfe" + canary.opaque.encode()),
        made.write("password", canary.password),
    ]
    return made


def secrets_of(box: Box) -> dict[str, str]:
    """The sandbox's own: they are the ones that are accepted."""
    found = {"the site's token": box.token}
    for file in sorted(box.folder.glob("token_info*.json")):
        for name, value in json.loads(file.read_text()).items():
            if isinstance(value, str) and name in {"client_secret", "refresh_token", "jwt_token", "access_token"}:
                found[f"{name} of {file.name}"] = value
    return found


# -- running


@contextlib.contextmanager
def patience(words: list[str]) -> Iterator[None]:
    """Nobody answers a command here: one that waits for somebody is to say so at once."""

    def over(*_: object) -> None:
        raise TimeoutError(f"`skykey {' '.join(words)[:60]}` waits; does WORDS lack something?")

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def outputs(scene: Scene, words: list[str]) -> list[tuple[str, str]]:
    """What one command shows: its streams, all logs, and each error with the local variables of its frames."""
    canary = scene.canary
    canary.forget()
    tell, explain_ = failures.tell, failures.explain

    def told(error: SkykeyError, **options: Any) -> int:
        note(canary, error)
        return tell(error, **options)

    def explained(error: SkykeyError) -> None:
        note(canary, error)
        explain_(error)

    with scene.patch.context() as patch, patience(words):
        patch.setattr(failures, "tell", told)
        patch.setattr(failures, "explain", explained)
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(canary.jwt.encode())))
        with canary, contextlib.suppress(SystemExit):
            root.main(words, standalone_mode=False)
    return canary.outputs()


def note(canary: Canary, error: BaseException) -> None:
    for inside in (OURS, LIBRARIES):
        canary.note_error("the error", error, inside=inside)


# Found by this test, and not mended yet.
@pytest.mark.parametrize(
    "name",
    SCENES,
)
def test_h1_no_command_shows_a_secret(name: str, scene: Scene) -> None:
    SCENES[name](scene)
    if name not in WITH_FILES:
        scene.files.clear()
    searched, found, ran = 0, [], 0
    for path, command in sorted(commands(), key=lambda entry: entry[0].endswith((" down", " logout"))):
        if path in ONCE and name != "as it should be":
            continue
        for words in calls(path, command, scene):
            ran += 1
            is_argument = scene.canary.hits(" ".join(words))
            for where, text in outputs(scene, words):
                searched += 1
                # What stands in a command's arguments stands in its frames too, and in the list of processes.
                if (path, where) not in MAY_SHOW and not (is_argument and where.startswith("the error: /")):
                    found += [f"{' '.join(words)[:40]}: {where} shows {hit}" for hit in scene.canary.hits(text)]
    print(f"H1 {name}: {ran} calls of commands, {searched} outputs searched, hits = {len(found)}")
    assert found == []
    assert searched > 2 * ran


def test_h1_help_and_completion_show_no_secret(scene: Scene) -> None:
    opaque_token(scene)
    helper_program(scene)
    bash = get_completion_class("bash")
    assert bash is not None
    completion = bash(root, {}, "skykey", "_SKYKEY_COMPLETE")
    canary, found, searched = scene.canary, [], 0
    for path, _ in commands():
        for words in ([*path.split(), "--help"], [*path.split()[:-1], "--help"]):
            found += [hit for _, text in outputs(scene, words) for hit in canary.hits(text)]
            searched += 1
        canary.forget()
        with canary:
            for before, incomplete in (([], ""), (["--site"], ""), ([], "--"), (["rubin"], ""), ([canary.opaque], "")):
                given = [*path.split(), *before]
                completed = completion.get_completions(given, incomplete)
                print("\n".join(f"{item.value} {item.help}" for item in completed))
        found += canary.findings()
        searched += len(canary.outputs())
    print(f"H1 help and completion: {searched} outputs searched, hits = {len(found)}")
    assert found == []


def test_h1_a_crash_shows_no_secret(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a crash reporter sees: an exception that nobody expected, with all local variables."""
    from skykey.wire import pools

    scene.env(ACCESS_TOKEN=scene.canary.opaque)

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(type(pools.PROCESS_POOLS), "send", broken)
    canary = scene.canary
    with canary, pytest.raises(ZeroDivisionError) as caught:
        root.main(["whoami", "rubin"], standalone_mode=False)
    note(canary, caught.value)
    print(f"H1 a crash: {canary.check()} outputs searched, hits = 0")


# -- providers

REACH = Reach.named(Url("https://site.example"), said_by="the test")
HERE = Url("https://site.example").origin


def unusable(scene: Scene, issuer: Server) -> dict[type[Any], list[Any]]:
    """Every provider, with all that it can be given and cannot use."""
    canary = scene.canary
    texts = [
        f"{canary.opaque}\n{canary.jwt}",
        f"{canary.opaque} {canary.refresh}",
        canary.password,
        f"{canary.jwt}\x07",
        f'{{"token": "{canary.opaque}"}}',
        f"{canary.jwt}é",
    ]

    def raises(error: Exception) -> Callable[[], Any]:
        def call() -> Any:
            raise error

        return call

    def gives(value: Any) -> Callable[[], Any]:
        return lambda: value

    scripts = [
        scene.write(f"script{number}", f"#!/bin/sh\n{text}\n", 0o700)
        for number, text in enumerate(
            (
                f"echo {canary.opaque} {canary.refresh}",
                f"echo {canary.jwt} >&2; echo {canary.opaque}; exit 1",
                f'echo \'{{"access_token": ["{canary.opaque}"], "password": "{canary.refresh}"}}\'',
                f"yes {canary.opaque}",
                f"echo {canary.jwt}; sleep 60",
            )
        )
    ]
    variables = {f"H1_TOKEN_{number}": text for number, text in enumerate(texts)}
    scene.env(**variables)
    functions = [
        *map(gives, (*texts, canary.opaque.encode(), [canary.jwt])),
        raises(Unavailable("not today")),
    ]
    return {
        Argument: [Argument(Secret(text), REACH) for text in texts],
        Variable: [Variable(name, REACH) for name in variables],
        File: [File(gives(str(file)), REACH, "a file", required=True) for file in scene.files],
        Function: [Function(call, REACH, "a function") for call in functions],
        PlatformSecret: [PlatformSecret(Argument(Secret(text), REACH), lambda: HERE, HERE) for text in texts],
        Program: [Program([str(script), canary.opaque], REACH, seconds=0.3) for script in scripts],
        Plugins: [plugins(scene, canary)],
        Netrc: [
            Netrc(gives(str(scene.write(f"netrc{number}", text, mode))), "machine.example", REACH)
            for number, (text, mode) in enumerate(
                (
                    (f"machine machine.example login {canary.password} passwd {canary.opaque}", 0o600),
                    (f"machine other.example login x password {canary.password}", 0o600),
                    (f"default login x password {canary.password}", 0o600),
                    (f"machine machine.example login x password {canary.password}", 0o644),
                    (f"machine machine.example login x password {canary.password}\n{canary.jwt}", 0o600),
                )
            )
        ],
        CertificateFiles: [
            CertificateFiles(gives((str(file), str(other))), REACH, "a certificate")
            for file in scene.files
            for other in scene.files[:2]
        ],
        Several: [
            Several("several", gives([File(gives(str(file)), REACH, "one of them") for file in scene.files])),
            Several("several", gives([Argument(Secret(text), REACH) for text in texts])),
            Several("several", raises(Unavailable("not today"))),
        ],
        RefreshToken: [
            RefreshToken(
                at(issuer, path), {"grant_type": "refresh_token"}, REACH, "a login", Secret(text), Keeping.IN_PROCESS
            )
            for path in ANSWERS
            for text in (canary.refresh, canary.password)
        ],
        ClientCredentials: [
            ClientCredentials(at(issuer, path), "client", Secret(canary.password), REACH, in_body=in_body)
            for path in ANSWERS
            for in_body in (True, False)
        ],
    }


def quoted(seen: Seen) -> str:
    """What was sent, as an issuer may repeat it."""
    return seen.body.decode()


# What an issuer answers instead of a token, by path.
ANSWERS: dict[str, Callable[[Seen], Any]] = {
    "/refused": lambda seen: reply(400, json.dumps({"error": "invalid_grant", "error_description": quoted(seen)})),
    "/unauthorised": lambda seen: reply(401, json.dumps({"message": quoted(seen)})),
    "/broken": lambda seen: reply(500, quoted(seen)),
    "/page": lambda seen: reply(200, f"<html>{quoted(seen)}</html>", Content_Type="text/html"),
    "/no-token": lambda seen: reply(200, json.dumps({"refresh_token": quoted(seen), "token": 5})),
    "/two-tokens": lambda seen: reply(200, json.dumps({"access_token": f"{quoted(seen)} x"})),
    "/elsewhere": lambda seen: reply(307, "", Location="https://foreign.example/"),
    "/closed": lambda seen: None,
}


def at(issuer: Server, path: str) -> TokenEndpoint:
    return TokenEndpoint(Url(issuer.url + path), "the test")


def plugins(scene: Scene, canary: Canary) -> Plugins:
    """One package that raises with a secret, and one that gives nonsense."""
    nonsense = f"class P:\n def obtain(s, h, a): return '{canary.jwt}'\n changed = obtain\nmake = lambda reach: P()"
    for name, code in (("h1_raises", f"raise RuntimeError('{canary.opaque}')"), ("h1_nonsense", nonsense)):
        scene.write(f"packages/{name}-1.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        scene.write(f"packages/{name}-1.dist-info/entry_points.txt", f"[skykey.providers]\nrubin = {name}:make\n")
        scene.write(f"packages/{name}.py", code)
    scene.patch.syspath_prepend(str(scene.home / "packages"))
    return Plugins("rubin", REACH)


def provider_classes() -> set[type[Any]]:
    found = set()
    for room in (skykey.credentials.sources, skykey.credentials.grants):
        for module in pkgutil.iter_modules(room.__path__, f"{room.__name__}."):
            for name, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
                if kind.__module__ == module.name and hasattr(kind, "obtain") and not name.startswith("_"):
                    found.add(kind)
    return found


@pytest.fixture
def issuer() -> Iterator[Server]:
    with serving(lambda seen: ANSWERS[seen.path](seen)) as server:
        yield server


def test_h1_no_providers_error_shows_a_secret(scene: Scene, issuer: Server) -> None:
    canary, table = scene.canary, unusable(scene, issuer)
    assert set(table) == provider_classes(), "a new source or grant needs its line in `unusable`"
    failed = 0
    with canary:
        for provider in (provider for providers in table.values() for provider in providers):
            chain = Chain("a token", (provider,), "skykey why")
            keeper = Keeper(chain)
            for attempt in (
                lambda p=provider: p.obtain(None, Ask()),
                keeper.get,
                lambda c=chain: c.obtain(None, Ask()),
            ):
                try:
                    attempt()  # type: ignore[no-untyped-call]
                except SkykeyError as error:
                    failed += 1
                    note(canary, error)
                    canary.note("pickle of the error", pickle.dumps(error))
                    print(error, repr(error), file=sys.stderr)
            for value in (provider, chain, keeper, keeper.trace().attempts, explain(chain)):
                canary.note(f"repr of {type(value).__name__}", f"{value!r} {value} {vars_of(value)}")
    assert any(canary.hits(quoted(seen)) for seen in issuer.seen), "they were really there to be shown"
    searched = canary.check()
    print(f"H1 providers: {len(table)} kinds, {failed} errors, {searched} outputs searched, hits = 0")
    assert failed > 60


def test_h1_an_issuer_that_repeats_the_header_is_not_quoted() -> None:
    with Canary() as canary, serving(lambda seen: reply(401, seen.headers["authorization"])) as server:
        client = ClientCredentials(at(server, "/"), "client", Secret(canary.password), REACH)
        with pytest.raises(SkykeyError) as caught:
            client.obtain(None, Ask())
    note(canary, caught.value)
    assert canary.check() > 0


def vars_of(value: object) -> str:
    """As debuggers show it. A secret inside shows its placeholder."""
    names = [*getattr(value, "__dict__", ()), *getattr(type(value), "__slots__", ())]
    return repr({name: getattr(value, name, None) for name in names if name not in {"argv", "call"}})


# -- controls: what must be found


def encoded(canary: Canary) -> None:
    pair = base64.b64encode(f"user:{canary.password}".encode()).decode()
    logging.getLogger("naive").debug("headers: %r", {"Authorization": f"Basic {pair}"})


def split(canary: Canary) -> None:
    half = len(canary.opaque) // 2
    for part in (canary.opaque[:half], canary.opaque[half:]):
        logging.getLogger("naive").debug("wrote %d bytes", len(part))
        logging.getLogger("naive.wire").debug(part)


def escaped(canary: Canary) -> None:
    print(json.dumps({"password": canary.password}))


def in_url(canary: Canary) -> None:
    logging.getLogger("naive").info("GET /?password=%s", quote(canary.password, safe=""))


def in_an_error(canary: Canary) -> None:
    try:
        naive.ask(canary.opaque)
    except PermissionError as error:
        canary.note_error("the error", error)


NAIVE: dict[str, Callable[[Canary], None]] = {
    "a client that logs headers, an error that quotes the token": in_an_error,
    "base64 in a log": encoded,
    "split across two records": split,
    "escaped in JSON": escaped,
    "encoded in a URL": in_url,
}


@pytest.mark.parametrize("how", NAIVE)
def test_h2_a_naive_program_is_caught(how: str) -> None:
    with Canary() as canary:
        NAIVE[how](canary)
    found = canary.findings()
    print(f"H2 naive, {how}: {len(canary.outputs())} outputs searched, hits = {len(found)}")
    assert found != []
    with pytest.raises(AssertionError, match="leaked"):
        canary.check()


def test_h1_a_naive_command_is_caught(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The walk itself can fail: a command that quotes what it found is seen by it."""

    @click.command()
    def careless() -> None:
        raise SkykeyError(f"cannot use {os.environ['ACCESS_TOKEN']}")

    scene.env(ACCESS_TOKEN=scene.canary.opaque)
    get = type(root).get_command
    monkeypatch.setattr(type(root), "list_commands", lambda self, ctx: ["careless"])
    monkeypatch.setattr(
        type(root), "get_command", lambda self, ctx, name: careless if name == "careless" else get(self, ctx, name)
    )
    ((path, command),) = commands()
    ((words),) = calls(path, command, scene)
    shown = [where for where, text in outputs(scene, words) if scene.canary.hits(text)]
    print(f"H1 naive: hits in {shown}")
    assert "stderr" in shown
