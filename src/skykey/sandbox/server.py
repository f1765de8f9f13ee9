"""The sandbox itself: all origins in one event loop, from the first socket to the last file removed."""

import asyncio
import os
import secrets
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from skykey.sandbox import authority, logs, nginx, parts, state
from skykey.sandbox.account import Account, LoginFiles
from skykey.sandbox.accounts import Accounts
from skykey.sandbox.box import Box
from skykey.sandbox.consdb import ConsDb
from skykey.sandbox.control import Control
from skykey.sandbox.databases import Influx
from skykey.sandbox.echo import Echo
from skykey.sandbox.gafaelfawr import Gafaelfawr
from skykey.sandbox.gracedb import Access, GraceDb, Issuer
from skykey.sandbox.hosts import (
    GRACEDB_CERTIFICATE,
    GRACEDB_ISSUER,
    GRACEDB_TOKENS,
    GRACEDB_USER,
    HOSTS,
    INFLUX,
    LOGIN_FILES,
    REAL_SITE,
    SECOND,
)
from skykey.sandbox.iam import Iam
from skykey.sandbox.listener import Listener, free_socket, port_of
from skykey.sandbox.proxy import Proxy
from skykey.sandbox.quota import Quota
from skykey.sandbox.repertoire import Repertoire
from skykey.sandbox.schema_registry import SchemaRegistry
from skykey.sandbox.segwarides import Segwarides
from skykey.sandbox.switchboard import Switchboard
from skykey.sandbox.tap import Tap
from skykey.sandbox.telemetry import Telemetry
from skykey.sandbox.tokens import TokenFile, Tokens

_SERVICES = {
    "/repertoire": "repertoire",
    "/auth": "gafaelfawr",
    "/influxdb": "influxdb",
    "/consdb": "consdb",
    "/api/consdbtap": "consdbtap",
    "/narrativelog": "narrativelog",
    "/exposurelog": "exposurelog",
    "/nightreport": "nightreport",
    "/schema-registry": "schema-registry",
    "/subjects": "schema-registry",  # at the root of one origin, see hosts.DIRECT
    "/schemas": "schema-registry",
}
_PLAIN = (
    "site",
    "iam",
    "echo",
    "account",
    "gracedb",
    "gracedb-issuer",
)  # the applications with an address of their own on loopback
_GRACEDB = "gracedb"  # the folder of what stays: a database, files, the key of the issuer
_FILES = (
    "token",
    *LOGIN_FILES.values(),
    *GRACEDB_TOKENS.values(),
    GRACEDB_CERTIFICATE,
    "ca.pem",
    "bundle.pem",
    "server.pem",
    state.STATE,
)


@asynccontextmanager
async def serve(folder: Path, stop: asyncio.Event, real: Iterable[str] = ()) -> AsyncIterator[Box]:
    """Serve from this folder within the block. A control that stops the sandbox sets ``stop``."""
    state.make_folder(folder)
    lock = state.hold(folder)
    async with AsyncExitStack() as stack:
        stack.callback(lock.release)
        _clear(folder)  # a process that was killed left its files behind
        stack.callback(_clear, folder)
        yield await _open(folder, stop, tuple(real), stack)


async def _open(folder: Path, stop: asyncio.Event, real: tuple[str, ...], stack: AsyncExitStack) -> Box:
    tls = _tls(folder)
    socks = {name: stack.enter_context(free_socket()) for name in ("tls", "control", "proxy", *_PLAIN)}
    urls = {name: f"http://127.0.0.1:{port_of(sock)}" for name, sock in socks.items()}
    second_url = urls["tls"].replace("http", "https")
    servers = {
        "site": await _site_influx(folder, real, stack),
        "second": Influx("scimmareader", f"{second_url}/influxdb/", as_real=f"https://{SECOND}/influxdb/"),
    }
    board = Switchboard()
    tokens, quota = Tokens(board.now), Quota(board.now)
    token_file = TokenFile(tokens, folder / "token")
    accounts = Accounts(board.now)
    iam = Iam(accounts, board)
    login_files = LoginFiles(accounts, folder, urls["iam"])
    gatekeeper = Gafaelfawr(tokens, quota)
    telemetry = Telemetry()
    issuer = await _issuer(folder, board, f"{urls['gracedb-issuer']}/igwn")
    gracedb = GraceDb(folder / _GRACEDB, Access(issuer), board)
    stack.callback(gracedb.close)
    second = Mount("/influxdb", telemetry.app(servers["second"].logins))
    registry = SchemaRegistry().app()
    consdb = ConsDb(gatekeeper)
    tap = Tap(gatekeeper, consdb, board, second_url)
    more = [*consdb.routes(), *tap.routes(), *logs.mounts(gatekeeper, board.now)]
    site = _site(gatekeeper, servers, telemetry, registry, *more)
    apps = {
        "site": board.around(_service_of, site),
        "direct": board.around(_service_of, _origin(*registry.routes, Mount("", site))),
        "segwarides": board.around("segwarides", Segwarides(servers["site"]).app()),
        "second": board.around(_second_service_of, _origin(second, *tap.storage())),
        "iam": board.around("iam", iam.app()),
        "echo": board.around("echo", Echo(accounts, board).app()),
        "account": board.around("account", Account(accounts, urls["iam"]).app()),
        "gracedb": board.around("gracedb", gracedb.app()),
        "gracedb-issuer": board.around("gracedb-issuer", Starlette(routes=[Mount("/igwn", issuer.app())])),
    }
    key = secrets.token_urlsafe(24)
    plain = {name: Listener(apps[name], socks[name]) for name in _PLAIN}
    control = Control(
        key=key,
        board=board,
        tokens=tokens,
        quota=quota,
        accounts=accounts,
        iam=iam,
        tap=tap,
        gracedb=gracedb,
        gracedb_issuer=issuer,
        gracedb_listener=plain["gracedb"],
        servers=servers,
        token_file=token_file,
        login_files=login_files,
        stop=stop.set,
    )
    tls_listener = Listener(_by_host(apps), socks["tls"], tls)
    for listener in (*plain.values(), tls_listener, Listener(control.app(), socks["control"])):
        stack.push_async_callback(listener.close)
        await listener.open()
    targets = dict.fromkeys(HOSTS, port_of(socks["tls"]))
    if servers["site"].url:
        targets[INFLUX] = urlsplit(servers["site"].url).port or 443
    proxy = Proxy(targets)
    proxy_server = await asyncio.start_server(proxy.accept, sock=socks["proxy"])
    stack.push_async_callback(proxy.close)
    stack.callback(proxy_server.close)

    box = Box(
        folder=folder,
        pid=os.getpid(),
        site_url=urls["site"],
        second_url=second_url,
        real_site_url=REAL_SITE,
        iam_url=urls["iam"],
        platform_url=urls["echo"],
        app_url=urls["account"],
        gracedb_url=f"{urls['gracedb']}/api/",
        gracedb_issuer_url=issuer.urls[0],
        proxy_url=urls["proxy"],
        control_url=urls["control"],
        token_file=folder / "token",
        login_file=folder / LOGIN_FILES[None],
        gracedb_token_file=folder / GRACEDB_TOKENS[False],
        gracedb_certificate_file=folder / GRACEDB_CERTIFICATE,
        ca_file=folder / "ca.pem",
        bundle_file=folder / "bundle.pem",
        hosts=tuple(targets),
        real=real,
        control_key=key,
    )
    box.save()
    telemetry.load()
    stack.push_async_callback(telemetry.close)
    stack.push_async_callback(consdb.close)
    stack.push_async_callback(tap.close)
    stack.callback(board.closing.set)  # first of all, so that nobody waits for a stalled answer
    return box


async def _site_influx(folder: Path, real: tuple[str, ...], stack: AsyncExitStack) -> Influx:
    if "influxdb" not in real:
        return Influx("efdreader")
    part = parts.influxd(folder / "server.pem", folder / "ca.pem", "efdreader")
    server = await asyncio.to_thread(stack.enter_context, part)
    server.as_real = f"https://{INFLUX}{server.path}"
    return server


async def _issuer(folder: Path, board: Switchboard, url: str) -> Issuer:
    """Return the issuer of GraceDB's users, with a token in each file."""
    (folder / _GRACEDB).mkdir(mode=0o700, exist_ok=True)
    issuer = Issuer(folder / _GRACEDB, board.now, url, GRACEDB_ISSUER)
    for is_real, name in GRACEDB_TOKENS.items():
        state.write_private(folder / name, (await issuer.mint(iss=issuer.urls[is_real])).encode() + b"\n")
    return issuer


def _tls(folder: Path) -> ssl.SSLContext:
    """Make the certificates of this start and return the context of every TLS listener."""
    papers = authority.issue(["127.0.0.1", "localhost", *HOSTS, INFLUX], GRACEDB_USER)
    files = {
        "ca.pem": papers.authority,
        "bundle.pem": authority.bundle(papers.authority),
        "server.pem": papers.certificate + papers.key,
        GRACEDB_CERTIFICATE: papers.user,
    }
    for name, content in files.items():
        state.write_private(folder / name, content)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    context.load_verify_locations(folder / "ca.pem")
    context.verify_mode = ssl.CERT_OPTIONAL  # GraceDB looks at the certificate of whoever has one
    return context


def _site(
    gatekeeper: Gafaelfawr, servers: Mapping[str, Influx], telemetry: Telemetry, registry: ASGIApp, *more: BaseRoute
) -> ASGIApp:
    routes = [
        *more,
        Mount("/repertoire", Repertoire(gatekeeper, servers).app()),
        Mount("/auth/api/v1", gatekeeper.api()),
        Mount("/schema-registry", registry),
    ]
    if servers["site"].url is None:  # else a real one answers, at an address of its own
        routes.append(Mount("/influxdb", telemetry.app(servers["site"].logins)))
    return _origin(*routes)


def _origin(*routes: BaseRoute) -> Starlette:
    """Make an origin with these routes and, everywhere else, NGINX's own 404."""
    return Starlette(routes=routes, exception_handlers={HTTPException: nginx.not_found})


def _service_of(path: str) -> str:
    return next((name for prefix, name in _SERVICES.items() if path.startswith(prefix)), "site")


def _second_service_of(path: str) -> str:
    return "storage" if path.startswith("/storage/") else "influxdb-second"


def _by_host(apps: Mapping[str, ASGIApp]) -> ASGIApp:
    """Choose the application by host name, as virtual hosts do; loopback itself is the second origin."""

    async def chosen(scope: Scope, receive: Receive, send: Send) -> None:
        host = Headers(scope=scope).get("host", "").partition(":")[0].lower()
        await apps[HOSTS.get(host, "second")](scope, receive, send)

    return chosen


def _clear(folder: Path) -> None:
    for name in _FILES:
        (folder / name).unlink(missing_ok=True)
