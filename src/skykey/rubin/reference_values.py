"""The five deployments of Rubin's services, and numbers about cameras (the documented module of ``rubin_nights``)."""

from __future__ import annotations

API_ENDPOINTS: dict[str, str] = {
    "usdf": "https://usdf-rsp.slac.stanford.edu",
    "usdf-dev": "https://usdf-rsp-dev.slac.stanford.edu",
    "usdf-int": "https://usdf-rsp-int.slac.stanford.edu",
    "summit": "https://summit-lsp.lsst.codes",
    "base": "https://base-lsp.lsst.codes",
}
"""Site name to base URL, without a trailing slash."""

BAD_VISITS_LSSTCAM: str = "https://raw.githubusercontent.com/lsst-dm/excluded_visits/refs/heads/main/LSSTCam/bad.ecsv"
"""The observatory's list of visits that are of no use."""
BAD_VISITS_LSSTCOMCAM: str = (
    "https://raw.githubusercontent.com/lsst-dm/excluded_visits/refs/heads/main/LSSTComCam/bad.ecsv"
)
"""The same for the commissioning camera."""

SCIENCE_PROGRAMS: tuple[str, ...] = (
    "BLOCK-365",
    "BLOCK-407",
    "BLOCK-408",
    "BLOCK-416",
    "BLOCK-417",
    "BLOCK-419",
    "BLOCK-421",
)
"""Values of ``science_program`` that mean the survey."""

PLATESCALE: float = 0.2
"""Seconds of arc in a pixel."""
SIGMA_TO_FWHM: float = 2.3548200450309493
"""The full width at half maximum of a Gaussian whose standard deviation is 1."""
FWHM_TO_SIGMA: float = 0.42466090014400953
"""The inverse."""

ZEROPOINT_OFFSETS_LSSTCAM: dict[str, float] = {"u": 0.06, "g": 0.09, "r": 0.144, "i": 0.13, "z": 0.138, "y": 0.02}
"""Band to magnitudes between the zero point that is predicted and the one that is measured."""
ZEROPOINT_OFFSETS_LSSTCOMCAM: dict[str, float] = {
    "u": 0.26,
    "g": -0.14,
    "r": -0.09,
    "i": -0.10,
    "z": -0.13,
    "y": -0.18,
}
"""The same for the commissioning camera."""
ZEROPOINT_OFFSETS_DP1: dict[str, float] = {"u": 0.03, "g": 0.01, "r": 0.0, "i": 0.0, "z": -0.0, "y": 0.01}
"""The same for the commissioning camera's visits as Data Preview 1 has them."""
