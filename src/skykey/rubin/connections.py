"""Getting connected: the documented module of ``rubin_nights`` (seed 000)."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, TypedDict

from skykey.credentials.keeper import Keeper
from skykey.repertoire.discovery import SyncDiscoveryClient
from skykey.rubin.consdb_query import ConsDbFastAPI, ConsDbTap
from skykey.rubin.influx_query import InfluxQueryClient, telemetry
from skykey.rubin.logging_query import ExposureLogClient, NarrativeLogClient, NightReportClient
from skykey.rubin.logins import login_keeper
from skykey.rubin.sites import INSTANCE_VARIABLE, LOOPBACK, find_site, own_site
from skykey.rubin.tokens import DEFAULT_TOKENFILE as _DEFAULT_TOKENFILE
from skykey.rubin.tokens import keeper_of_site, token_chain
from skykey.values.errors import BadUrl, NoCredential
from skykey.values.secret import Secret

if TYPE_CHECKING:
    from skykey.credentials.credential import Bearer
    from skykey.rubin.sites import Site


DEFAULT_TOKENFILE: str = os.path.expanduser(_DEFAULT_TOKENFILE)
"""The file that is tried last; read when a token is searched, so that programs may set another one."""


class Clients(TypedDict):
    """What `get_clients` returns: all keys of seed and release."""

    api_base: str
    efd: InfluxQueryClient
    obsenv: InfluxQueryClient
    pp: InfluxQueryClient
    too: InfluxQueryClient
    consdb: ConsDbFastAPI
    consdb_tap: ConsDbTap
    narrative_log: NarrativeLogClient
    exposure_log: ExposureLogClient
    night_report: NightReportClient


def get_access_token(tokenfile: str | os.PathLike[str] | None = None) -> str:
    """Find the token of the platform, or of ``usdf`` outside any platform.

    Parameters
    ----------
    tokenfile
        A file that must hold it (``~`` is expanded); nothing else is tried then. Without it, in this order: the
        platform's token, the variable ``ACCESS_TOKEN``, the file that ``ACCESS_TOKEN_FILE`` names, and
        ``~/.lsst/usdf_rsp``.

    Returns
    -------
    str
        The token; ``""`` if there is none, with one error in the log that says where it was looked for.

    Raises
    ------
    Failed
        If a source is there and unusable. For files also the built-in class: ``FileNotFoundError`` (explicit file
        only), ``IsADirectoryError``, ``PermissionError``, ``UnicodeDecodeError``, ``ValueError``.

    Examples
    --------
    >>> token = get_access_token()
    >>> type(token) is str
    True
    """
    keeper = Keeper(token_chain(own_site(), tokenfile=tokenfile, default=DEFAULT_TOKENFILE))
    try:
        # The documented function gives text.
        return keeper.get().credential.token.reveal()
    except NoCredential as nothing:
        import logging

        logging.getLogger(__name__).error("no RSP token found: %s", nothing.message)  # noqa: TRY400 - a message
        return ""


def get_clients(
    tokenfile: str | os.PathLike[str] | None = None, site: str | None = None, auth_token: str | None = None
) -> Clients:
    """Make clients for all services of a site. Makes no request; each client's first question does.

    Parameters
    ----------
    tokenfile
        As in `get_access_token`.
    site
        ``summit``, ``base``, ``usdf``, ``usdf-dev``, ``usdf-int`` or a configured site. By default the platform's own
        (the exact host of ``EXTERNAL_INSTANCE_URL``), and ``usdf`` outside any platform.
    auth_token
        The token itself; it comes before `tokenfile` and everything else.

    Returns
    -------
    Clients
        A dictionary: ``api_base`` and one client a service. A token is bound to this site: none of them sends it
        anywhere else.

    Raises
    ------
    UnknownSite
        Also a ``ValueError``, for a site that nobody knows.
    Failed
        If a token source is there and unusable. No token at all is an error only when a client needs one; it lists all
        sources then.

    Examples
    --------
    >>> endpoints = get_clients(site="usdf")
    >>> endpoints["api_base"], endpoints["efd"]
    ('https://usdf-rsp.slac.stanford.edu', <InfluxQueryClient usdf_efd>)
    """
    secret = None if auth_token is None else Secret(auth_token)
    del auth_token  # tracebacks show local variables
    where = find_site(site)
    token = _token(where, tokenfile, secret)
    discovery = SyncDiscoveryClient(base_url=where.repertoire)
    _prepare_environment(where)

    def influx(owner: str, db_name: str, *, without_token: bool = True) -> InfluxQueryClient:
        login = login_keeper(where, owner, db_name, token, discovery=discovery, without_token=without_token)
        return telemetry(owner, db_name, login)

    return {
        "api_base": where.api_base,
        "efd": influx(where.name, "efd", without_token=False),
        "obsenv": influx("usdf" if "usdf" in where.name else where.name, "lsst.obsenv"),
        "pp": influx(where.name, "lsst.prompt"),
        # Targets of opportunity are written at the summit, whichever site asks.
        "too": influx("summit", "lsst.scimma"),
        "consdb": ConsDbFastAPI.with_keeper(where.api_base, token),
        "consdb_tap": ConsDbTap.with_keeper(where.api_base, token),
        "narrative_log": NarrativeLogClient.with_keeper(where.api_base, token),
        "exposure_log": ExposureLogClient.with_keeper(where.api_base, token),
        "night_report": NightReportClient.with_keeper(where.api_base, token),
    }


def usdf_lfa(uri: str, bucket: str = "s3://lfa@") -> str:
    """Where USDF has its copy of a file in the Large File Annex. Makes no request.

    Parameters
    ----------
    uri
        As telemetry names the file: ``https://host/bucket/key`` (also ``http``), whose host and query do not matter, or
        ``s3://bucket/key``. What was rewritten already comes out the same.
    bucket
        What to put before the bucket's name: by default the profile ``lfa`` of the user's S3 credentials.

    Raises
    ------
    BadUrl
        Also a ``ValueError``, if it is neither, or names no file.

    Examples
    --------
    >>> usdf_lfa("https://s3.cp.lsst.org/rubinobs-lfa-cp/Scheduler:1/state.p")
    's3://lfa@rubinobs-lfa-cp/Scheduler:1/state.p'
    >>> usdf_lfa("s3://rubinobs-lfa-cp/Scheduler:1/state.p")
    's3://lfa@rubinobs-lfa-cp/Scheduler:1/state.p'
    """
    uri = str(uri)  # a cell of a table may be null
    scheme, _, rest = uri.partition("://")
    name = key = ""
    match scheme.lower():
        case "s3":
            owner, _, key = rest.partition("/")
            name = owner.rpartition("@")[2]  # without the profile
        case "https" | "http":
            host, _, path = rest.partition("?")[0].partition("#")[0].partition("/")
            if host:
                name, _, key = path.lstrip("/").partition("/")
        case _:
            pass
    if not (name and key and uri.isprintable()):
        expected = "write it as https://host/bucket/key or s3://bucket/key"
        raise BadUrl("not a file in the Large File Annex", shown=uri, next=expected)
    return f"{bucket}{name}/{key}"


def _token(site: Site, tokenfile: str | os.PathLike[str] | None, auth_token: Secret | None) -> Keeper[Bearer]:
    chain = token_chain(site, tokenfile=tokenfile, auth_token=auth_token, default=DEFAULT_TOKENFILE)
    by_name = tokenfile is None and auth_token is None and site.name != LOOPBACK
    keeper = Keeper(chain, reference=(keeper_of_site, (site.name,)) if by_name else None)
    with contextlib.suppress(NoCredential):  # the first request that needs one says so, and lists the sources
        keeper.get()  # local: what is there and unusable is said now, and not in the middle of the night
    return keeper


def _prepare_environment(site: Site) -> None:
    """Set what Rubin's other packages want at USDF, unless it is set (as the release does)."""
    if "usdf" in site.name:
        os.environ.setdefault("LSST_DISABLE_BUCKET_VALIDATION", "1")
        os.environ.setdefault("S3_ENDPOINT_URL", "https://s3dfrgw.slac.stanford.edu/")
    if "usdf" in os.environ.get(INSTANCE_VARIABLE, ""):
        os.environ.setdefault("RUBIN_SIM_DATA_DIR", "/sdf/data/rubin/shared/rubin_sim_data")
