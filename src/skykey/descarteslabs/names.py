"""The documented constants of `Auth`, for programs that spell keys and subjects with them."""

from __future__ import annotations

from typing import ClassVar

from skykey.descarteslabs import subjects
from skykey.descarteslabs.brand import DESCARTESLABS
from skykey.descarteslabs.login import NO_LOGIN


class Names:
    """What `Auth` carries of them."""

    RETRY_CONFIG: ClassVar[object] = None
    AUTHORIZATION_ERROR: ClassVar[str] = NO_LOGIN.format("{}", DESCARTESLABS.documentation)
    KEY_CLIENT_ID: ClassVar[str] = "client_id"
    KEY_CLIENT_SECRET: ClassVar[str] = "client_secret"  # noqa: S105 - a key's name, as the next ones
    KEY_REFRESH_TOKEN: ClassVar[str] = "refresh_token"  # noqa: S105
    KEY_SCOPE: ClassVar[str] = "scope"
    KEY_GRANT_TYPE: ClassVar[str] = "grant_type"
    KEY_TARGET: ClassVar[str] = "target"
    KEY_API_TYPE: ClassVar[str] = "api_type"
    KEY_JWT_TOKEN: ClassVar[str] = "jwt_token"  # noqa: S105
    KEY_ALT_JWT_TOKEN: ClassVar[str] = "JWT_TOKEN"  # noqa: S105
    # Under these, releases remembered what a token says. Nothing is kept under them here.
    KEY_PAYLOAD: ClassVar[str] = "_payload"
    KEY_ALL_ACL_SUBJECTS: ClassVar[str] = "_aas"
    KEY_ALL_ACL_SUBJECTS_AS_SET: ClassVar[str] = "_aasas"
    KEY_ALL_OWNER_ACL_SUBJECTS: ClassVar[str] = "_aoas"
    KEY_ALL_OWNER_ACL_SUBJECTS_AS_SET: ClassVar[str] = "_aoasas"
    ACL_PREFIX_USER: ClassVar[str] = subjects.USER
    ACL_PREFIX_EMAIL: ClassVar[str] = subjects.EMAIL
    ACL_PREFIX_GROUP: ClassVar[str] = subjects.GROUP
    ACL_PREFIX_ORG: ClassVar[str] = subjects.ORG
    ACL_PREFIX_ACCESS: ClassVar[str] = subjects.ACCESS
    ORG_ADMIN_SUFFIX: ClassVar[str] = subjects.ORG_ADMIN
    RESOURCE_ADMIN_SUFFIX: ClassVar[str] = subjects.RESOURCE_ADMIN
