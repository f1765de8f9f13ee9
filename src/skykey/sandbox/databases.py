"""The telemetry databases of the sandbox, by the labels that the real sites use."""

import secrets
from dataclasses import dataclass, field

#: A name inside the cluster, as every real site publishes it: nobody outside can resolve it.
SCHEMA_REGISTRY = "http://sasquatch-schema-registry.sasquatch:8081/"


@dataclass
class Influx:
    """One InfluxDB server: where it is and the account that reads it.

    ``url`` of None is the origin that the caller asked; ``as_real`` is what it is called under the real host names,
    where it has a name. The account is one mutable entry, which the server
    looks at with every request, so a control can change the password while all runs.
    """

    username: str
    url: str | None = None
    path: str = "/influxdb/"
    logins: dict[str, str] = field(default_factory=dict, repr=False)
    as_real: str | None = None

    def __post_init__(self) -> None:
        self.logins.setdefault(self.username, secrets.token_urlsafe(12))

    @property
    def password(self) -> str:
        return self.logins[self.username]

    def change_password(self) -> None:
        self.logins[self.username] = secrets.token_urlsafe(12)


@dataclass(frozen=True)
class Database:
    """One label: the database's own name, the server that holds it, and the site that is its home."""

    name: str
    server: str = "site"
    home: str = "usdf"
    description: str | None = None


DATABASES = {
    "usdf_efd": Database("efd", description="Engineering and facilities data"),
    "usdf_obsenv": Database("lsst.obsenv"),
    "usdf_prompt": Database("lsst.prompt"),
    "usdfdev_prompt": Database("lsst.prompt", home="usdf-dev"),
    "usdfint_prompt": Database("lsst.prompt", home="usdf-int"),
    "summit_efd": Database("efd", home="summit"),
    "summit_obsenv": Database("lsst.obsenv", home="summit"),
    "summit_prompt": Database("lsst.prompt", home="summit"),
    "summit_scimma": Database("lsst.scimma", server="second", home="summit"),
    "base_efd": Database("efd", home="base"),
    "base_obsenv": Database("lsst.obsenv", home="base"),
    "base_prompt": Database("lsst.prompt", home="base"),
}
