"""Which deployment is meant: built in, configured, or a loopback address."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from skykey.rubin.reference_values import API_ENDPOINTS
from skykey.values.errors import BadUrl, SkykeyError, UnknownSite, UsageError
from skykey.values.reach import Reach
from skykey.values.url import Url
from skykey.wire.frames import frameless

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")

INSTANCE_VARIABLE = "EXTERNAL_INSTANCE_URL"
"""Set by every Rubin Science Platform to its own root URL."""
SITES_VARIABLE = "SKYKEY_RUBIN_SITES"
BASE_URL_VARIABLE = "REPERTOIRE_BASE_URL"
DEFAULT = "usdf"
LOOPBACK = "loopback"


@dataclass(frozen=True, slots=True)
class Site:
    """One deployment.

    Parameters
    ----------
    name
        As in ``API_ENDPOINTS``, as configured, or ``loopback``.
    url
        Its root.
    repertoire
        The root of its Repertoire.
    said_by
        Who named it, for ``why``.
    """

    name: str
    url: Url
    repertoire: Url
    said_by: str

    @property
    def api_base(self) -> str:
        """The root without a trailing slash, as ``get_clients`` returns it."""
        return self.url.rstrip("/")

    @property
    def reach(self) -> Reach:
        """Where its token may go: its own origin, and that of a Repertoire that the user named."""
        return Reach.named(self.url, self.repertoire, said_by=f"the site {self.name} ({self.said_by})")

    @property
    def program(self) -> tuple[str, ...]:
        """The command that prints its token, as the user's configuration names it now; empty if it names none.

        Neither a variable nor anything in the working directory can name one, nor take it along to another URL.

        Raises
        ------
        UsageError
            If the configuration cannot be read, names something else than a command, or may be written by others.
        """
        return _frameless(self._program)

    def _program(self) -> tuple[str, ...]:
        path, tables = _tables()
        table = tables.get(self.name)
        if path is None or not isinstance(table, dict) or "token_program" not in table:
            return ()
        said_by = f"the configuration {path}"
        if not self.is_built_in and _site_url(table.get("url"), said_by) != self.url:
            return ()
        if path.stat().st_mode & 0o022:
            raise UsageError(f"{said_by} names a program, and other users may write into it", next=f"chmod go-w {path}")
        command = table["token_program"]
        if not command or not isinstance(command, list) or not all(isinstance(word, str) for word in command):
            raise UsageError(
                f"{said_by}: token_program of {self.name} is not a list of texts",
                next='token_program = ["/usr/bin/pass", "show", "rubin"]',
            )
        return tuple(command)

    @property
    def is_built_in(self) -> bool:
        """Whether it is one of the documented five."""
        return self.name in API_ENDPOINTS


def find_site(name: str | None = None) -> Site:
    """Say which site is meant.

    Parameters
    ----------
    name
        A name; None for the platform's own (the exact host of ``EXTERNAL_INSTANCE_URL``), and ``usdf`` without one.

    Raises
    ------
    UnknownSite
        Also a ``ValueError``. For a name or host that is neither built in nor configured: an unknown platform is never
        taken for ``usdf``, because that would send its token there.
    UsageError
        If the configuration cannot be read, or names a site wrongly.

    Examples
    --------
    >>> find_site("summit").api_base
    'https://summit-lsp.lsst.codes'
    """
    return _of_the_platform() if name is None else _named(name)


def platform_url() -> Url | None:
    """The root of the platform that the process runs on, if it says so.

    Raises
    ------
    UnknownSite
        If what it says is not a URL.
    """
    return _frameless(_platform_url)


def own_site() -> Site:
    """The platform's own site, known or not; without a platform the default one."""
    try:
        return find_site()
    except UnknownSite:
        here = platform_url()
        if here is None:
            raise
        return Site(here.host, here, here / "repertoire", f"the variable {INSTANCE_VARIABLE}")


def site_names() -> tuple[str, ...]:
    """All names that `find_site` takes.

    Raises
    ------
    UsageError
        If the configuration cannot be read, or names a site wrongly.
    """
    return (*API_ENDPOINTS, *_configured())


def config_file() -> Path | None:
    """Where configuration is read from; None where there is no home. Never in the working directory."""
    from platformdirs import user_config_path

    try:
        path = user_config_path("skykey") / "config.toml"
    except RuntimeError:  # a user without an entry in the password file, and no HOME
        return None
    return path if path.is_absolute() else None  # a relative XDG_CONFIG_HOME, which not every platformdirs ignores


def _named(name: str) -> Site:
    if name in API_ENDPOINTS:
        url = Url(API_ENDPOINTS[name])
        return Site(name, url, url / "repertoire", "built in")
    configured = _configured()
    if name in configured:
        url, said_by = configured[name]
        return Site(name, url, url / "repertoire", said_by)
    names = site_names()
    import difflib

    near = difflib.get_close_matches(name.lower(), names, n=1)
    raise UnknownSite(
        f"there is no site {name!r}; the sites are {', '.join(names)}",
        next=f"did you mean {near[0]}?" if near else f"name it in {SITES_VARIABLE}={name or 'name'}=https://…",
    )


def _of_the_platform() -> Site:
    here, said_by = platform_url(), f"the variable {INSTANCE_VARIABLE}"
    if here is None:
        default = Url(API_ENDPOINTS[DEFAULT])
        return Site(DEFAULT, default, _named_repertoire(default), "the default")
    for name, root in API_ENDPOINTS.items():
        if Url(root).host == here.host:
            return Site(name, Url(root), _named_repertoire(Url(root)), said_by)
    for name, (url, _) in _configured().items():
        if url.origin == here.origin:
            return Site(name, url, _named_repertoire(url), said_by)
    if here.origin.is_loopback:
        return Site(LOOPBACK, here, _named_repertoire(here), said_by)
    raise UnknownSite(
        f"{INSTANCE_VARIABLE} names {here.origin}, which is no known site",
        next=f"pass site=…, or name it: {SITES_VARIABLE}=NAME={here.origin}",
    )


def _named_repertoire(url: Url) -> Url:
    """The variable counts for the site of this environment, not for another one that is asked for by name."""
    return _frameless(_repertoire_url) or url / "repertoire"


def _configured() -> dict[str, tuple[Url, str]]:
    return _frameless(lambda: _from_file() | _from_variable())


def _frameless(read: Callable[[], T]) -> T:
    """Read settings. A URL among them may hold a password, and tracebacks show local variables."""
    handled = sys.exception()
    try:
        return read()
    except SkykeyError as problem:
        raise frameless(problem, handled=handled)  # noqa: B904 - it is the same one


def _platform_url() -> Url | None:
    raw = os.environ.get(INSTANCE_VARIABLE, "").strip()
    try:
        return Url(raw) if raw else None
    except BadUrl as problem:
        raise UnknownSite(f"{INSTANCE_VARIABLE} is not a URL: {problem.message}") from None


def _repertoire_url() -> Url | None:
    named = os.environ.get(BASE_URL_VARIABLE, "").strip()
    return _site_url(named.rstrip("/"), f"the variable {BASE_URL_VARIABLE}") if named else None


def _from_variable() -> dict[str, tuple[Url, str]]:
    said_by = f"the variable {SITES_VARIABLE}"
    sites = {}
    for entry in filter(None, (part.strip() for part in os.environ.get(SITES_VARIABLE, "").split(","))):
        name, equals, url = entry.partition("=")
        if not equals:
            raise UsageError(f"{said_by} has an entry without '='", next=f"{SITES_VARIABLE}=NAME=https://…")
        sites[_new_name(name.strip(), said_by)] = (_site_url(url.strip(), said_by), said_by)
    return sites


def _from_file() -> dict[str, tuple[Url, str]]:
    path, tables = _tables()
    said_by = f"the configuration {path}"
    sites = {}
    for name, table in tables.items():
        if name in API_ENDPOINTS and isinstance(table, dict) and "url" not in table and "token_program" in table:
            continue  # where a built-in site lies cannot be changed, how its token is found can
        new = _new_name(name, said_by)
        if not isinstance(table, dict) or "url" not in table:
            raise _without_url(said_by)
        sites[new] = (_site_url(table["url"], said_by), said_by)
    return sites


def _tables() -> tuple[Path | None, dict[str, Any]]:
    """The configured sites as they are written, with the file; nothing and an empty table without one."""
    path = config_file() if _is_configured() else None
    if path is None:
        return None, {}
    try:
        text = path.read_text("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return None, {}
    except (OSError, UnicodeDecodeError) as problem:
        raise UsageError(f"the configuration {path} cannot be read ({problem})") from None
    import tomllib

    said_by = f"the configuration {path}"
    try:
        tables = tomllib.loads(text).get("rubin", {}).get("sites", {})
    except tomllib.TOMLDecodeError as problem:
        raise UsageError(f"{said_by} is not TOML: {problem}") from None
    except AttributeError:
        raise _without_url(said_by) from None
    if not isinstance(tables, dict):
        raise _without_url(said_by)
    return path, tables


def _is_configured() -> bool:
    """Whether a file lies where one can lie. To ask platformdirs which one counts takes longer than all the rest."""
    if sys.platform not in {"linux", "darwin"}:
        return True
    homes = (os.environ.get("XDG_CONFIG_HOME", ""), "~/.config", "~/Library/Application Support")
    return any(os.path.exists(os.path.join(os.path.expanduser(home), "skykey", "config.toml")) for home in homes)


def _without_url(said_by: str) -> UsageError:
    return UsageError(f"{said_by} has a site without url", next='[rubin.sites.NAME] with url = "https://…"')


def _new_name(name: str, said_by: str) -> str:
    if not name or name in API_ENDPOINTS:
        raise UsageError(f"{said_by} gives a site the name {name!r}, which is taken", next="choose another name")
    return name


def _site_url(text: Any, said_by: str) -> Url:
    try:
        url = Url(text)
    except BadUrl as problem:
        raise UsageError(f"{said_by}: {problem.message}", next=problem.next) from None
    Reach.named(url, said_by=said_by)  # plain http is refused here, with its source
    return url
