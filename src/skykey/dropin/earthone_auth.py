"""``earthdaily.earthone.auth.auth``: the successor's module, name for name. `Auth` is Skykey's own."""

from __future__ import annotations

import os
import tempfile
import warnings
from typing import Any, Final

from skykey.descarteslabs.auth import JWT_TOKEN_PREFIX, base64url_decode
from skykey.descarteslabs.brand import EARTHONE
from skykey.descarteslabs.config import app_domain, default_domain
from skykey.descarteslabs.earthone.auth import Auth
from skykey.descarteslabs.exceptions import AuthError, OauthError
from skykey.dropin.upstream_auth import Retry, ThreadLocalWrapper, folder_of, follow, makedirs_if_not_exists

__all__ = [
    "EARTHONE_CLIENT_ID",
    "EARTHONE_CLIENT_SECRET",
    "EARTHONE_CUSTOM_CLAIM_PREFIX",
    "EARTHONE_REFRESH_TOKEN",
    "EARTHONE_TOKEN",
    "EARTHONE_TOKEN_INFO_PATH",
    "JWT_TOKEN_PREFIX",
    "Auth",
    "AuthError",
    "OauthError",
    "Retry",
    "ThreadLocalWrapper",
    "base64url_decode",
    "get_app_domain",
    "get_default_domain",
    "makedirs_if_not_exists",
    "os",
    "tempfile",
    "warnings",
]

EARTHONE_CLIENT_ID: Final = EARTHONE.client_id_variable
EARTHONE_CLIENT_SECRET: Final = EARTHONE.client_secret_variable
EARTHONE_REFRESH_TOKEN: Final = EARTHONE.refresh_token_variable
EARTHONE_TOKEN: Final = EARTHONE.token_variable
EARTHONE_TOKEN_INFO_PATH: Final = EARTHONE.token_info_path_variable
EARTHONE_CUSTOM_CLAIM_PREFIX: Final = EARTHONE.claim_prefix

follow(__name__, EARTHONE)


def get_default_domain() -> str:
    """The token service of the settings."""
    return default_domain(EARTHONE)


def get_app_domain() -> str:
    """The web pages of the settings."""
    return app_domain(EARTHONE)


def __getattr__(name: str) -> Any:
    # Computed when asked for: a program that changes HOME means it.
    if name == "DEFAULT_TOKEN_INFO_DIR":
        return folder_of(EARTHONE)
    if name == "DEFAULT_TOKEN_INFO_PATH":
        return os.path.join(folder_of(EARTHONE), "token_info.json")
    if name == "Session":
        from skykey.descarteslabs.session import Session

        return Session
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


if __name__ == "__main__":
    print(Auth.get_default_auth().token)  # noqa: T201 - the documented behaviour of python -m
