"""What a keeper holds and a store remembers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from skykey.credentials.credential import Credential

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from skykey.values.secret import Secret


C = TypeVar("C", bound=Credential)
"""Which kind of credential: it goes from a provider through its keeper to whoever hands it over."""


@dataclass(frozen=True, slots=True)
class Held(Generic[C]):
    """One credential with all that belongs to it.

    Parameters
    ----------
    credential
        What requests carry.
    source
        The name of the provider that it came from.
    renewal
        The secret that the next one is bought with (a refresh token); None if there is none.
    generation
        Counts up with each new credential of a keeper, so that a late answer about an old one harms no newer one.
    mark
        What `Provider.changed` compares: a file's time and size, a variable's fingerprint.
    facts
        Public things that came along, such as a URL and a database.
    """

    credential: C
    source: str
    renewal: Secret | None = None
    generation: int = 0
    mark: Hashable = None
    facts: Mapping[str, str] = field(default_factory=dict)
