"""What a token's claims mean for access lists: the names under which they know a user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

USER: Final = "user:"
EMAIL: Final = "email:"
GROUP: Final = "group:"
ORG: Final = "org:"
ACCESS: Final = "access-id:"
ORG_ADMIN: Final = ":org-admin"
RESOURCE_ADMIN: Final = ":resource-admin"


@dataclass(frozen=True, slots=True)
class Subjects:
    """One user as access lists see them.

    Parameters
    ----------
    namespace
        The user's id.
    claims
        Of the token.
    """

    namespace: str
    claims: Mapping[str, Any]

    @property
    def readers(self) -> list[str]:
        """The user, their e-mail in lower case, their organisation, and its groups and the common ones."""
        email, org = self.claims.get("email"), self.claims.get("org")
        subjects = [USER + self.namespace]
        if isinstance(email, str) and email:
            subjects.append(EMAIL + email.lower())
        if isinstance(org, str) and org:
            subjects.append(ORG + org)
        # A group with a colon belongs to the organisation before it, and counts only for its own people.
        active = [group for group in self._groups if ":" not in group or group.partition(":")[0] == org]
        return subjects + [GROUP + group for group in active]

    @property
    def owners(self) -> list[str]:
        """The user, the organisations that they administer (any, not only their own), and such resources."""
        organisations = [ORG + name for name in self.org_admins if name]
        resources = [ACCESS + name for name in self.resource_admins if name]
        return [USER + self.namespace, *organisations, *resources]

    @property
    def org_admins(self) -> list[str]:
        """The organisations that they administer."""
        return self._without(ORG_ADMIN)

    @property
    def resource_admins(self) -> list[str]:
        """The resources that they administer."""
        return self._without(RESOURCE_ADMIN)

    def _without(self, suffix: str) -> list[str]:
        return [group.removesuffix(suffix) for group in self._groups if group.endswith(suffix)]

    @property
    def _groups(self) -> list[str]:
        groups = self.claims.get("groups")
        return [group for group in groups if isinstance(group, str)] if isinstance(groups, list) else []
