"""The options that every command of ``skykey gracedb`` takes, wherever on the line they stand."""

from __future__ import annotations

import contextlib
import os
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import click

from skykey.values.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skykey.gracedb.rest import GraceDb

_META: Final = "skykey.cli.gracedb"
SERVICE_URL: Final = "GRACEDB_SERVICE_URL"

_program: Final[ContextVar[tuple[str | None, type[GraceDb] | None]]] = ContextVar("program", default=(None, None))


@dataclass(frozen=True, slots=True)
class Given:
    """What was said on the line; None and False for what was not.

    Parameters
    ----------
    service_url, creds, force_noauth, fail_if_noauth, use_auth, api_version, retries
        Of the client.
    proxy
        ``HOST[:PORT]``, or a URL.
    output_type
        How answers are shown.
    as_json
        Answers and errors are one JSON document.
    """

    service_url: str | None = None
    proxy: str | None = None
    output_type: Literal["json", "status", "table"] = "json"
    creds: str | None = None
    force_noauth: bool = False
    fail_if_noauth: bool = False
    use_auth: str | None = None
    api_version: str | None = None
    retries: int | None = None
    as_json: bool = False


def given() -> Given:
    """What was said on this line.

    Raises
    ------
    UsageError
        If it contradicts itself.
    """
    said = Given(**click.get_current_context().meta.get(_META, {}))
    if said.as_json and said.output_type != "json":
        raise UsageError(f"--json and --output-type {said.output_type} exclude one another")
    return said


@contextlib.contextmanager
def client() -> Iterator[GraceDb]:
    """Make the client that was described on the line.

    Raises
    ------
    UsageError
        If the line says what cannot be.
    IgwnAuthError
        If there have to be credentials, and there are none.
    """
    from skykey.cli.gracedb.proxy import through

    said = given()
    options: dict[str, Any] = {}
    url = said.service_url or os.environ.get(SERVICE_URL)
    if url:
        options["service_url"] = url
    if said.creds is not None:
        options["cred"] = _files(said.creds)
    for name in ("use_auth", "api_version", "retries"):
        if getattr(said, name) is not None:
            options[name] = getattr(said, name)
    with through(said.proxy):
        from skykey.gracedb.rest import GraceDb

        kind = _program.get()[1] or GraceDb
        with kind(force_noauth=said.force_noauth, fail_if_noauth=said.fail_if_noauth, **options) as made:
            yield made


def _files(creds: str) -> str | tuple[str, str]:
    """A certificate's file, or one with its key's; what is no name of a file is not repeated."""
    files = creds.split(",")
    if len(files) > 2 or not all(files):  # noqa: PLR2004 - as documented
        raise UsageError("--creds takes the name of one file, or of two: CERT,KEY")
    for name in files:
        if "-----BEGIN" in name or _is_token(name):
            raise UsageError(
                "--creds takes names of files: a secret in an argument can be read by other users of this machine",
                next="put it into a file; a token's file is named by BEARER_TOKEN_FILE",
            )
    return files[0] if len(files) == 1 else (files[0], files[1])


def _is_token(text: str) -> bool:
    """Whether it is a token rather than a file: three parts in base64, the first of them JSON."""
    return text.startswith("eyJ") and text.count(".") == 2 and not os.path.exists(text)  # noqa: PLR2004 - a JWT


@contextlib.contextmanager
def named(version: str, kind: type[GraceDb] | None = None) -> Iterator[None]:
    """Let ``--version`` say this, for a program that runs the command under another name.

    Parameters
    ----------
    version
        In place of Skykey's.
    kind
        The class of the client; None for the usual one.
    """
    token = _program.set((version, kind))
    try:
        yield
    finally:
        _program.reset(token)


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Add what was said; what stands further to the right counts."""
    name = str(param.name)
    if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
        ctx.meta.setdefault(_META, {})[name] = value


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from skykey import version

        click.echo(_program.get()[0] or f"skykey {version()}")
        ctx.exit()


def options(*, hidden: bool) -> list[click.Parameter]:
    """Make the options anew: a command and its group must not share them.

    Parameters
    ----------
    hidden
        From the help: that of the whole group shows them.
    """

    def option(*names: str, text: str, **more: Any) -> click.Option:
        return click.Option([*names], help=text, hidden=hidden, expose_value=False, callback=_keep, **more)

    return [
        option(
            "-s",
            "--service-url",
            metavar="URL",
            text=f"The server's API; by default ${SERVICE_URL}, else https://gracedb.ligo.org/api/.",
        ),
        option(
            "-p",
            "--proxy",
            metavar="HOST[:PORT]",
            text="The proxy, also as a URL; by default $HTTPS_PROXY, for plain http: $HTTP_PROXY.",
        ),
        option(
            "--output-type",
            type=click.Choice(["json", "status", "table"]),
            text="How answers are shown: as JSON (the default), by their status only, as a table.",
        ),
        option(
            "--creds",
            metavar="FILE|CERT,KEY",
            text="The file of a proxy certificate, or a certificate's file and its key's.",
        ),
        option("-n", "--force-noauth", is_flag=True, text="Use no credential at all."),
        option("-f", "--fail-if-noauth", is_flag=True, text="Fail where there is no credential."),
        option(
            "--use-auth",
            type=click.Choice(["all", "x509", "scitoken"]),
            text="Which kind of credential may be used; by default all.",
        ),
        option("--api-version", metavar="VERSION", text="Such as v1 or v2; by default the server's own."),
        option(
            "--retries",
            metavar="N",
            type=click.IntRange(min=0),
            text="How often to repeat what may be repeated; by default 5.",
        ),
        option("--json", "as_json", is_flag=True, text="Print one JSON document in any case, for errors too."),
        click.Option(
            ["-V", "--version", "wants_version"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            hidden=hidden,
            callback=_version,
            help="Show Skykey's version; under the drop-in that of the gracedb command.",
        ),
    ]
