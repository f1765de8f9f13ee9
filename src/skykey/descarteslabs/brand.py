"""What differs between Descartes Labs and EarthOne, its living successor, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVICES: Final[dict[str, str]] = {
    "catalog_v2": "metadata/v1/catalog/v2",
    "compute": "compute/v1",
    "metadata": "metadata/v1",
    "raster": "raster/v2",
    "usage": "usage/v1",
    "userlimit": "userlimit/v1",
    "vector": "vector/v1",
    "yaas": "yaas/v1",
}
"""The platform's services, and where they lie below its URL."""
_NOT_FOR_FREE: Final = frozenset({"compute", "vector", "yaas"})


@dataclass(frozen=True, slots=True)
class Environment:
    """One deployment; texts in braces stand for the settings of that name.

    Parameters
    ----------
    default_domain
        What hosts end with.
    iam_url, platform_url
        Where tokens come from, and what services lie below.
    lacks
        Services that it does not have.
    is_for_tests
        Whether it has the setting ``testing``.
    """

    default_domain: str
    iam_url: str = "https://iam.{default_domain}"
    platform_url: str = "https://platform.{default_domain}"
    lacks: frozenset[str] = frozenset()
    is_for_tests: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Brand:
    """One of the two names under which the platform is known.

    Parameters
    ----------
    name
        As people say it.
    package
        The upstream package.
    prefix
        What the names of its variables begin with.
    folder
        Its folder in the user's home.
    documentation
        Where a warning about missing credentials points to.
    login
        The command that logs in.
    domain
        What all its hosts end with, unless a setting says otherwise.
    environments, default_environment
        Its deployments by name.
    claim_prefix
        What its own claims in a token begin with.
    delegates
        Client ids of old logins, which buy tokens by another grant.
    subject_is_namespace
        Whether a user without the claim ``userid`` has the SHA-1 of ``sub`` as ``namespace``.
    login_page
        Below ``app_url``: where a person gets what a login pastes.
    """

    name: str
    package: str
    prefix: str
    folder: str
    documentation: str
    login: str
    domain: str
    environments: Mapping[str, Environment]
    default_environment: str
    claim_prefix: str = "earthdaily__dl__"
    delegates: tuple[str, ...] = ()
    subject_is_namespace: bool = False
    login_page: str = "/account/refresh-token"

    def variable(self, name: str) -> str:
        """The environment variable of a setting."""
        return f"{self.prefix}_{name}"

    @property
    def environment_variable(self) -> str:
        """Names the environment."""
        return self.variable("ENV")

    @property
    def client_id_variable(self) -> str:
        """Holds the client id."""
        return self.variable("CLIENT_ID")

    @property
    def client_secret_variable(self) -> str:
        """Holds the renewal secret."""
        return self.variable("CLIENT_SECRET")

    @property
    def refresh_token_variable(self) -> str:
        """Holds the renewal secret too, and wins."""
        return self.variable("REFRESH_TOKEN")

    @property
    def token_variable(self) -> str:
        """Holds a token that is not renewed."""
        return self.variable("TOKEN")

    @property
    def token_info_path_variable(self) -> str:
        """Names the file of the login."""
        return self.variable("TOKEN_INFO_PATH")

    @property
    def no_jwt_cache_variable(self) -> str:
        """Switches off reading files, if it says ``true``."""
        return self.variable("NO_JWT_CACHE")

    def __reduce__(self) -> str:
        """Travel by name: copies and pickles are the same object."""
        return self.prefix


def _environments(below: str, names: Mapping[str, str]) -> dict[str, Environment]:
    """Build the six that both have.

    Parameters
    ----------
    below
        What the domain of a deployment is made of, with ``{word}`` for its word.
    names
        Word to the environment's name.
    """
    made = {
        name: Environment(below.replace("{word}", word), lacks=_NOT_FOR_FREE if word == "freemium" else frozenset())
        for word, name in names.items()
    }
    dev = below.replace("{word}", "dev")
    made["testing"] = Environment(dev, is_for_tests=True)
    made["local"] = Environment(
        "dev.localhost", "https://{default_domain}:8000", f"https://platform.{dev}", is_for_tests=True
    )
    return made


DESCARTESLABS: Final = Brand(
    name="Descartes Labs",
    package="descarteslabs",
    prefix="DESCARTESLABS",
    folder=".descarteslabs",
    documentation="https://docs.descarteslabs.com/authentication.html",
    login="skykey descarteslabs auth login",
    domain="descarteslabs.com",
    environments=_environments(
        "{word}.aws.{domain}",
        {word: f"aws-{word}" for word in ("production", "staging", "dev", "freemium")},
    ),
    default_environment="aws-production",
    delegates=("ZOBAi4UROl5gKZIpxxlwOEfx8KpqXf2c",),
    subject_is_namespace=True,
)

EARTHONE: Final = Brand(
    name="EarthOne",
    package="earthdaily.earthone",
    prefix="EARTHONE",
    folder=".earthone",
    documentation="https://earthone.earthdaily.com/docs/authentication.html",
    login="skykey earthone auth login",
    # Its documentation names the environments only; how hosts are made of them is what the settings file of its
    # public repository says, for the same environments under their older names (aws-production and so on).
    domain="earthone.earthdaily.com",
    environments=_environments(
        "{word}.{domain}",
        {word: word for word in ("production", "staging", "dev", "freemium")},
    ),
    default_environment="production",
)
