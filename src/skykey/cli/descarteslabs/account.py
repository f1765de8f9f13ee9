"""A brand's `Auth` as the command uses it."""

from __future__ import annotations

import os
import warnings
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from skykey.cli.output import say
from skykey.cli.systems import Identity, Where
from skykey.credentials.claims import numeric_date
from skykey.credentials.trace import Outcome
from skykey.descarteslabs.config import EarthOneSettings, Settings, current_settings
from skykey.descarteslabs.exceptions import AuthError, OauthError
from skykey.descarteslabs.explaining import explain, state_of, variables_set
from skykey.descarteslabs.signing_in import name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from skykey.credentials.explanation import Explanation
    from skykey.credentials.keeper import Keeper
    from skykey.descarteslabs.auth import Auth
    from skykey.descarteslabs.brand import Brand

_HOMES: Final = {"descarteslabs": "skykey.descarteslabs", "earthdaily.earthone": "skykey.descarteslabs.earthone"}


class LoginAccount:
    """A login, for ``why``, ``whoami`` and ``token``.

    Parameters
    ----------
    brand
        Whose.
    site
        The environment; None for the active one.
    tokenfile
        The file of a login; nothing else is tried then.
    """

    def __init__(self, brand: Brand, site: str | None, tokenfile: str | None) -> None:
        self._brand = brand
        self._said_by = _who_says(brand, site)
        if site is not None:
            select(brand, site)
        self.auth = auth_of(brand, tokenfile)

    @property
    def where(self) -> Where:
        """The environment, with its token service."""
        return Where(current_settings(self._brand).current_env, self.auth.domain, self._said_by)

    @property
    def keeper(self) -> Keeper[Any]:
        """Of the login.

        Raises
        ------
        AuthError
            As `find`: with better advice than the keeper has.
        """
        self.find()
        return self.auth.keeper

    @property
    def early(self) -> float:
        """The documented leeway."""
        return float(self.auth.leeway)

    @property
    def remedy(self) -> str:
        """How to log in."""
        return self._brand.login

    def explain(self) -> Explanation:
        """Look at arguments, variables and the file."""
        return explain(self.auth)

    def find(self) -> None:
        """Raise what a program would meet without asking anybody: nothing is requested for a login that is not whole.

        Raises
        ------
        AuthError
            If there is no login that is whole.
        """
        if state_of(self.auth).source is None:
            with heard(self.auth):
                self.auth.keeper.get()

    def ask(self) -> Identity:
        """Read the token's claims: there is nobody to be asked, and nobody verifies them here."""
        with heard(self.auth):
            payload = self.auth.payload
        scope = payload.get("scope")
        scopes: Iterable[Any] = scope.split() if isinstance(scope, str) else scope if isinstance(scope, list) else ()
        return Identity(
            name_of(payload),
            "access",
            None,
            tuple(map(str, scopes)),
            _whole(payload.get("iat")),
            _whole(payload.get("exp")),
            verified=False,
        )


def select(brand: Brand, name: str) -> None:
    """Choose the environment of this process.

    Raises
    ------
    ConfigError
        If there is none of that name.
    """
    kind = next(kind for kind in (Settings, EarthOneSettings) if kind.brand is brand)
    kind.select_env(name)


def auth_of(brand: Brand, tokenfile: str | None = None) -> Auth:
    """Make a brand's `Auth`, as a program does without arguments; what it warns of is said.

    Parameters
    ----------
    brand
        Whose.
    tokenfile
        The file of a login; variables do not count then.
    """
    kind: type[Auth] = import_module(f"{_HOMES[brand.package]}.auth").Auth
    with heard():
        if tokenfile is None:
            return kind()
        with _without(variables_set(brand)):
            return kind(token_info_path=tokenfile)


def release_of(brand: Brand) -> str:
    """The upstream release whose names are served."""
    version: str = import_module(_HOMES[brand.package]).__version__
    return version.partition("+")[0]


@contextmanager
def heard(auth: Auth | None = None) -> Iterator[None]:
    """Say warnings as talk, and the better advice where variables that are set stand in a login's way.

    Parameters
    ----------
    auth
        Whose token the block asks for.
    """
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                yield
            finally:
                for warning in caught:
                    text = str(warning.message)
                    if not text.startswith("No valid authentication info"):  # the error says it
                        say(f"warning: {text}")
    except OauthError:
        raise
    except AuthError as nothing:
        if auth is not None:
            nothing.next = _advice(auth) or nothing.next
        raise


def _advice(auth: Auth) -> str | None:
    named = variables_set(auth._brand)  # noqa: SLF001 - the brand that the caller gave
    if not named:
        return None
    unset = f"unset {' '.join(named)}"
    behind = [row for row in explain(auth).rows if row.outcome is Outcome.SHADOWED]
    return unset if behind else f"{unset}; {auth._brand.login}"  # noqa: SLF001 - as above


@contextmanager
def _without(names: Iterable[str]) -> Iterator[None]:
    kept = {name: os.environ.pop(name) for name in names}
    try:
        yield
    finally:
        os.environ.update(kept)


def _who_says(brand: Brand, site: str | None) -> str:
    if site is not None:
        return "the option --site"
    variable = brand.environment_variable
    return f"the variable {variable}" if os.environ.get(variable) else "the default"


def _whole(claim: object) -> int | None:
    seconds = numeric_date(claim)
    return None if seconds is None else int(seconds)
