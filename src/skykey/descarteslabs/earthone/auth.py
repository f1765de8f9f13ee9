"""Authentication for EarthOne: the same `Auth` with that brand's names, files and variables."""

from __future__ import annotations

from typing import ClassVar

from skykey.descarteslabs import auth
from skykey.descarteslabs.brand import EARTHONE, Brand
from skykey.descarteslabs.login import NO_LOGIN

__all__ = ["Auth"]


class Auth(auth.Auth):
    """Authenticates with all EarthOne service APIs; see `skykey.descarteslabs.auth.Auth`.

    Its variables begin with ``EARTHONE_``, and its login lies in ``~/.earthone/token_info.json``.

    Examples
    --------
    >>> Auth(client_id="some-id", client_secret="some-secret", token_info_path=None).domain
    'https://iam.production.earthone.earthdaily.com'
    """

    AUTHORIZATION_ERROR: ClassVar[str] = NO_LOGIN.format("{}", EARTHONE.documentation)
    _instance: ClassVar[auth.Auth | None] = None
    _brand: ClassVar[Brand] = EARTHONE
