"""The sources of a site's token, in the order that seed 000 documents.

1. the argument ``tokenfile`` (or ``auth_token``): nothing else is tried then;
2. the platform's token: its mounted secret files, then ``lsst.rsp.get_access_token``. The files come first because they
   are renewed in place, while a variable stays as it was when the process started;
3. the variable ``ACCESS_TOKEN``;
4. the file that the variable ``ACCESS_TOKEN_FILE`` names;
5. ``~/.lsst/usdf_rsp``, whose name is a hint only;
6. the program that the user's configuration names for the site, which the seed does not have.

A token that is found is bound to the site that was asked for. The platform's own is bound to the platform, wherever it
turns up: a variable or file that repeats what the platform mounts has nothing for another site. Beyond that nobody can
tell from an opaque token whose it is. What clearly is no token is refused here, before anything is sent.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from skykey.credentials.chain import Chain
from skykey.credentials.keeper import Keeper
from skykey.credentials.provider import Ask, Keeping
from skykey.credentials.sources.argument import Argument
from skykey.credentials.sources.environment import Variable
from skykey.credentials.sources.file import File
from skykey.credentials.sources.function import Function
from skykey.credentials.sources.platform import PlatformSecret
from skykey.credentials.sources.plugins import Plugins
from skykey.repertoire import token_shape
from skykey.rubin.sites import find_site, platform_url
from skykey.values.errors import Failed, SkykeyError, Unavailable, UnknownSite
from skykey.values.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skykey.credentials.credential import Bearer
    from skykey.credentials.held import Held
    from skykey.credentials.provider import Provider
    from skykey.rubin.sites import Site
    from skykey.values.origin import Origin
    from skykey.values.reach import Reach

DEFAULT_TOKENFILE: Final = os.path.join("~", ".lsst", "usdf_rsp")
TOKEN_VARIABLE: Final = "ACCESS_TOKEN"  # noqa: S105 - a name
FILE_VARIABLE: Final = "ACCESS_TOKEN_FILE"
MOUNTS_VARIABLE: Final = "NUBLADO_RUNTIME_MOUNTS_DIR"
NUBLADO_SECRET = "/etc/nublado/secrets/token"  # noqa: S105 - a path
OLD_MOUNTS = "/opt/lsst/software/jupyterlab"
SCOPES: Final = ("read:image", "read:tap", "read:sasquatch")


@dataclass(frozen=True, slots=True)
class Checked:
    """A source whose token is looked at before anybody gets it (see `Provider`).

    Parameters
    ----------
    inner
        The source.
    site
        Whose token it is to be.
    is_named
        Whether the user named this very source, so that nothing else is tried.
    """

    inner: Provider[Bearer]
    site: Site
    is_named: bool = False

    @property
    def name(self) -> str:
        """See `Provider.name`."""
        return self.inner.name

    @property
    def keeping(self) -> Keeping:
        """See `Provider.keeping`."""
        return self.inner.keeping

    def obtain(self, held: Held[Bearer] | None, ask: Ask, /) -> Held[Bearer]:
        """Get a token, and look at it.

        Raises
        ------
        NotAToken
            If it clearly is none.
        Unavailable, Failed
            If it is the platform's, and another site was asked for; or as the source says.
        """
        found = self.inner.obtain(held, ask)
        token_shape.check(found.credential.token, self.name, token_page(self.site), is_known=self.site.is_built_in)
        problem = self._belongs_elsewhere(found.credential.token)
        if problem is not None and self.is_named:
            raise Failed(f"{self.name} is no use: {problem}", next=f"create a token at {token_page(self.site)}")
        if problem is not None:
            raise Unavailable(problem)
        return found

    def changed(self, held: Held[Bearer], /) -> bool:
        """See `Provider.changed`."""
        return self.inner.changed(held)

    def _belongs_elsewhere(self, token: Secret) -> str | None:
        """Why a token is not for this site, if that can be known: it is the one that a platform of another site mounts.

        Without a platform that says who it is, only this much is known: its token is not for a sandbox.
        """
        here, wanted = _platform_origin(), self.site.url.origin
        if here == wanted or (here is None and not wanted.is_loopback):
            return None
        if not any(token == own for own in _mounted(self.site.reach)):
            return None
        whose = "the platform that this is" if here is None else f"the platform at {here}"
        return f"its token belongs to {whose}, and {wanted} was asked for"


def token_page(site: Site) -> str:
    """Where people create a site's tokens."""
    return f"{site.api_base}/auth/tokens"


def token_chain(
    site: Site,
    *,
    tokenfile: str | os.PathLike[str] | None = None,
    auth_token: str | Secret | None = None,
    default: str = DEFAULT_TOKENFILE,
) -> Chain[Bearer]:
    """Put the sources of a site's token in order.

    Parameters
    ----------
    site
        Whose token is wanted.
    tokenfile
        A file that must hold it.
    auth_token
        The token itself; it comes before everything else.
    default
        The file that is tried last.
    """
    reach = site.reach
    providers: tuple[Provider[Bearer], ...]
    program: tuple[Provider[Bearer], ...] = ()
    if auth_token is not None:
        given = auth_token if isinstance(auth_token, Secret) else Secret(auth_token)
        providers = (Checked(Argument(given, reach), site, is_named=True),)
    elif tokenfile is not None:
        path = os.fspath(tokenfile)
        file = File(lambda: path, reach, "the argument tokenfile", required=True)
        providers = (Checked(file, site, is_named=True),)
    else:
        program = _program(site, reach)
        found: tuple[Provider[Bearer], ...] = (
            *_platform(site, reach),
            Variable(TOKEN_VARIABLE, reach),
            File(_from_variable, reach, f"the file named by {FILE_VARIABLE}"),
            File(lambda: default, reach, f"the file {default}"),
            *program,
            Plugins("rubin", reach),
        )
        providers = tuple(Checked(provider, site) for provider in found)
    return Chain(
        f"a token for the site {site.name}",
        providers,
        remedy=f"create a token at {token_page(site)} (scopes {', '.join(SCOPES)}) and write "
        f"it into {default}, or set {FILE_VARIABLE}",
        # Only running a program again tells whether it has another token than the one that was refused.
        keeping=Keeping.IN_PROCESS if program else Keeping.NOT_AT_ALL,
    )


def keeper_of_site(name: str) -> Keeper[Bearer]:
    """The keeper of a named site's token: what a keeper that was pickled turns into at its destination."""
    return Keeper(token_chain(find_site(name)), reference=(keeper_of_site, (name,)))


def _platform(site: Site, reach: Reach) -> tuple[Provider[Bearer], ...]:
    places: tuple[Provider[Bearer], ...] = (*_mounts(reach), Function(_lsst_rsp, reach, "lsst.rsp.get_access_token"))
    return tuple(PlatformSecret(place, _platform_origin, site.url.origin) for place in places)


def _mounts(reach: Reach) -> tuple[File, ...]:
    """The files in which a platform keeps its token."""

    def file(find: str, *below: str) -> File:
        def path() -> str | None:
            root = os.environ.get(MOUNTS_VARIABLE, "").strip() if find == MOUNTS_VARIABLE else find
            return os.path.join(root, *below) if root else None

        shown = os.path.join(f"${find}" if find == MOUNTS_VARIABLE else find, *below)
        return File(path, reach, f"the platform's {shown}", absent=f"{MOUNTS_VARIABLE} is not set")

    return (
        file(NUBLADO_SECRET),
        file(MOUNTS_VARIABLE, "secrets", "token"),
        file(MOUNTS_VARIABLE, "environment", "ACCESS_TOKEN"),
        file(OLD_MOUNTS, "secrets", "token"),
        file(OLD_MOUNTS, "environment", "ACCESS_TOKEN"),
    )


def _mounted(reach: Reach) -> Iterator[Secret]:
    """The tokens that a platform has mounted here, as far as they can be read."""
    for place in _mounts(reach):
        with contextlib.suppress(SkykeyError):
            yield place.obtain(None, Ask()).credential.token


def _program(site: Site, reach: Reach) -> tuple[Provider[Bearer], ...]:
    command = site.program
    if not command:
        return ()
    from skykey.credentials.sources.program import Program

    return (Program(command, reach),)


def _platform_origin() -> Origin | None:
    try:
        here = platform_url()
    except UnknownSite:
        return None
    # No platform lives on a loopback address: there it is a sandbox, which must not see a real token.
    return None if here is None or here.origin.is_loopback else here.origin


def _from_variable() -> str | None:
    return os.environ.get(FILE_VARIABLE, "").strip() or None


def _lsst_rsp() -> str | None:
    try:
        # A function of the package; there is no module of that name, whatever rubin_nights 0.18 believes.
        from lsst.rsp import get_access_token  # pyright: ignore[reportMissingImports] - only platforms have it
    except ImportError:
        raise Unavailable("lsst.rsp is not installed") from None
    token = get_access_token()
    variable = os.environ.get(TOKEN_VARIABLE, "").strip()
    if token and str(token).strip() == variable:
        raise Unavailable(f"it repeats the variable {TOKEN_VARIABLE}, which comes next")
    return token or None
