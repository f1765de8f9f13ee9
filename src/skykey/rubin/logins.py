"""Where a telemetry database's login comes from: the site's Repertoire, else segwarides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skykey.credentials.chain import Chain
from skykey.credentials.keeper import Keeper
from skykey.credentials.provider import Keeping
from skykey.repertoire.discovery import SyncDiscoveryClient
from skykey.repertoire.login import RepertoireLogin
from skykey.rubin.reference_values import API_ENDPOINTS
from skykey.rubin.segwarides import SegwaridesLogin
from skykey.rubin.sites import DEFAULT

if TYPE_CHECKING:
    from skykey.credentials.credential import Basic, Bearer
    from skykey.credentials.provider import Provider
    from skykey.rubin.sites import Site


def login_keeper(
    seller: Site,
    site: str,
    db_name: str,
    token: Keeper[Bearer] | None,
    *,
    discovery: SyncDiscoveryClient | None = None,
    without_token: bool = False,
) -> Keeper[Basic]:
    """Keep one database's login fresh.

    Parameters
    ----------
    seller
        The site whose Repertoire is asked.
    site
        Whose database it is.
    db_name
        The database.
    token
        What buys the login there; None for segwarides alone.
    discovery
        The seller's discovery, if there is one already.
    without_token
        Whether to go on to segwarides when there is no token at all.
    """
    label = label_of(site, db_name)
    providers: list[Provider[Basic]] = []
    if token is not None:
        discovery = discovery or SyncDiscoveryClient(base_url=seller.repertoire)
        labels = tuple(dict.fromkeys((label, label_of(DEFAULT, db_name))))
        providers.append(RepertoireLogin(discovery, labels, token, without_token=without_token))
    if site in API_ENDPOINTS and seller.is_built_in:
        # A site of the user's own must not get another observatory's data behind its back.
        providers.append(SegwaridesLogin(label_of(site, "efd")))
    remedy = "skykey why rubin"
    return Keeper(Chain(f"the login for {label}", tuple(providers), remedy, Keeping.IN_PROCESS))


def label_of(site: str, db_name: str) -> str:
    """What discovery and segwarides call a site's database.

    Examples
    --------
    >>> label_of("usdf-dev", "lsst.prompt")
    'usdfdev_prompt'
    """
    return f"{site.replace('-', '')}_{db_name.lower().removeprefix('lsst.')}"
