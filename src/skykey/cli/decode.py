"""``skykey decode``: what a token says of itself, and whether that is true."""

from __future__ import annotations

import errno
import json
import sys
import time
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import click

from skykey.cli.lasting import lasting, left
from skykey.cli.options import with_json, with_site_of_system
from skykey.cli.output import document, say, visible
from skykey.cli.systems import SYSTEMS
from skykey.cli.systems import system as load
from skykey.values.errors import SkykeyError, UsageError
from skykey.values.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from click.shell_completion import CompletionItem

    from skykey.credentials.claims import Claims

_MOST: Final = 2**20
# Under which names programs keep a token in a JSON file, the one with the most to say first.
_MEMBERS: Final = ("jwt_token", "id_token", "access_token", "token")
# Somebody who pastes a token in place of a file's name must not read it again in the error.
_NO_SUCH_FILE: Final = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL}


class NoClaims(SkykeyError):
    """There is no token that says anything of itself."""

    code = "no-claims"


def _sources(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    systems = [CompletionItem(name) for name in SYSTEMS if name.startswith(incomplete)]
    return [*systems, CompletionItem(incomplete, type="file")]


@click.command()
@click.argument("source", metavar="[FILE|-|SYSTEM]", default="-", shell_complete=_sources)
@with_site_of_system
@click.option("--header", is_flag=True, help="Also print the header: how the token is signed.")
@click.option("--verify", is_flag=True, help="Check that it is true; needs --issuer and --jwks.")
@click.option("--issuer", metavar="URL", help="Who must have issued it, to the letter.")
@click.option("--jwks", metavar="FILE|URL", help="The issuer's public keys.")
@click.option("--audience", metavar="NAME", help="Whom it must be for; without it that does not matter.")
@click.option("--algorithm", "algorithms", metavar="NAME", multiple=True, help="How it may be signed: RS256, or these.")
@with_json
def decode(
    *,
    source: str,
    site: str | None,
    header: bool,
    verify: bool,
    issuer: str | None,
    jwks: str | None,
    audience: str | None,
    algorithms: tuple[str, ...],
    as_json: bool,  # noqa: ARG001 - the claims are JSON in any case; errors are with it
) -> None:
    """Print the claims of a JSON Web Token, as JSON.

    The token is read from FILE, from stdin (-), or found as that of SYSTEM. A file may hold the token alone, or JSON
    with jwt_token, id_token, access_token or token. The token itself is never printed.

    Without --verify nobody has checked what it says: anybody can write such a token.
    """
    from skykey.credentials.claims import claims_of

    if len({verify, bool(issuer), bool(jwks), verify or bool(audience or algorithms)}) > 1:
        raise UsageError("--verify, --issuer and --jwks go together", next="skykey decode --help")
    token, where = _of_system(source, site) if source in SYSTEMS else _of_file(source, site)
    claims = claims_of(token)
    if claims is None:
        system = source if source in SYSTEMS else next(iter(SYSTEMS))
        file = "" if source in SYSTEMS or source == "-" else f" --tokenfile {source}"
        raise NoClaims(
            f"the token {where} is opaque: it has no claims, only its issuer knows what it means",
            next=f"skykey whoami {system}{file}",
        )
    if issuer and jwks:
        from skykey.credentials.verification import verified

        wanted = algorithms or ("RS256",)
        claims = verified(token, keys=_keys(jwks), issuer=issuer, algorithms=wanted, audience=audience)
    document({"header": dict(claims.header), "payload": dict(claims.payload)} if header else dict(claims.payload))
    _talk(claims, where, verify, audience)


# -- where the token is


def _of_system(name: str, site: str | None) -> tuple[Secret, str]:
    from skykey.credentials.credential import Bearer

    held = load(name).account(site, None).keeper.get()
    if not isinstance(held.credential, Bearer):
        raise NoClaims(f"the credential for {name} is not a token", next=f"skykey why {name}")
    return held.credential.token, f"from {held.source}"


def _of_file(name: str, site: str | None) -> tuple[Secret, str]:
    if site is not None:
        raise UsageError(f"--site counts for a system ({', '.join(SYSTEMS)})", next="skykey decode --help")
    if name == "-":
        if sys.stdin.isatty():
            raise UsageError("nothing is piped into this command", next="skykey decode FILE")
        found, where = _look(sys.stdin.buffer), "on stdin"
    else:
        found, where = _opened(name), f"in {name}"
    if isinstance(found, str):
        raise NoClaims(f"there is no token {where}: it {found}", next="skykey decode --help")
    token, member = found
    return token, f"{where} ({member})" if member else where


def _opened(name: str) -> tuple[Secret, str] | str:
    try:
        with open(name, "rb") as file:
            return _look(file)
    except (OSError, ValueError) as problem:
        if isinstance(problem, IsADirectoryError):
            return "is a folder"
        if isinstance(problem, OSError) and problem.errno not in _NO_SUCH_FILE:
            return f"cannot be read ({problem.strerror})"
    raise NoClaims(
        f"there is neither a file nor a system ({', '.join(SYSTEMS)}) of that name",
        next="write the token into a file, or pipe it: skykey decode -",
    )


def _look(stream: BinaryIO) -> tuple[Secret, str] | str:
    """Read a token, with the name of the member that it stood in; or say why there is none.

    Nothing is raised here that has seen the text: tracebacks show local variables.
    """
    from skykey.credentials.text import parsed

    raw = stream.read(_MOST + 1)
    if len(raw) > _MOST:
        return "is larger than any token"
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "is not text"
    if text.lstrip().startswith("{"):
        return _member(text)
    token, flaw = parsed(Secret(text))
    if not token:
        return "is empty"
    return (token, "") if flaw is None else f"holds something else: {flaw}"


def _member(text: str) -> tuple[Secret, str] | str:
    from skykey.credentials.claims import claims_of

    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return "begins like JSON, and is none"
    tokens = [(Secret(found[name].strip()), name) for name in _MEMBERS if isinstance(found.get(name), str)]
    saying = [one for one in tokens if claims_of(one[0]) is not None]
    return next(iter(saying or tokens), f"is JSON without {', '.join(_MEMBERS[:-1])} or {_MEMBERS[-1]}")


# -- the issuer's keys


def _keys(named: str) -> dict[str, Any]:
    keys = _fetched(named) if named.startswith(("https://", "http://")) else _read(named)
    if not isinstance(keys, dict):
        raise UsageError(f"{named} is no set of keys", next='it looks like {"keys": [...]}')
    return keys


def _read(path: str) -> object:
    with open(path, "rb") as file:
        try:
            return json.loads(file.read(_MOST))
        except (ValueError, RecursionError):
            return None


def _fetched(url: str) -> object:
    from skykey.calls.call import Call, Repeat
    from skykey.calls.flow import ask
    from skykey.calls.json_reader import JsonReader
    from skykey.calls.perform import perform
    from skykey.values.clock import SYSTEM_CLOCK
    from skykey.values.reach import Reach
    from skykey.values.url import Url
    from skykey.wire.pools import PROCESS_POOLS
    from skykey.wire.request import Request

    where = Url(url)
    Reach.named(where, said_by="the option --jwks")  # over plain http anybody on the way could send keys of their own
    request = Request("GET", where, (("Accept", "application/json"),), cap=_MOST)
    reader: Any = lambda: JsonReader(lambda document: document)  # noqa: E731 - one reader a try
    call: Call[object] = Call(request, reader, repeat=Repeat.SAFE, total=30.0)
    return perform(ask(call), PROCESS_POOLS, SYSTEM_CLOCK)


# -- talk


def _talk(claims: Claims, where: str, is_verified: bool, audience: str | None) -> None:
    if is_verified:
        whom = f", for {audience}" if audience else ""
        judged, words = "verified", f"is signed by {claims.issuer} with {claims.header['alg']}{whom}"
    else:
        judged, words = "NOT verified", "says so of itself, and anybody can write such a token"
    say(f"{click.style(judged, bold=True)}: {visible(f'the token {where} {words}')}")
    now = time.time()
    rows: Sequence[tuple[str, str]] = (("issued", "iat"), ("valid from", "nbf"), ("ends", "exp"))
    for label, claim in rows:
        line = _time(claims.payload.get(claim), now, is_end=claim == "exp")
        if line:
            say(f"{label:<11}{line}")
    if claims.ends is None:
        say(f"{'ends':<11}it does not say when")


def _time(claim: object, now: float, *, is_end: bool) -> str | None:
    from datetime import datetime

    from skykey.credentials.claims import numeric_date

    seconds = numeric_date(claim)
    if seconds is None:
        return None
    try:
        local = f"{datetime.fromtimestamp(seconds).astimezone():%Y-%m-%d %H:%M:%S %Z}"
    except (ValueError, OverflowError, OSError):
        return "at no time that a calendar has"
    if is_end:
        return f"{local} ({left(seconds - now)})"
    return f"{local} ({f'{lasting(now - seconds)} ago' if seconds <= now else f'in {lasting(seconds - now)}'})"
