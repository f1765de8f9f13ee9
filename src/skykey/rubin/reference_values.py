"""The five deployments of Rubin's services (the documented module of ``rubin_nights``)."""

from __future__ import annotations

API_ENDPOINTS: dict[str, str] = {
    "usdf": "https://usdf-rsp.slac.stanford.edu",
    "usdf-dev": "https://usdf-rsp-dev.slac.stanford.edu",
    "usdf-int": "https://usdf-rsp-int.slac.stanford.edu",
    "summit": "https://summit-lsp.lsst.codes",
    "base": "https://base-lsp.lsst.codes",
}
"""Site name to base URL, without a trailing slash."""
