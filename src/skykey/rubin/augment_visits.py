"""More columns for tables of visits, and the visits that are of no use: the documented module of ``rubin_nights``.

What is here needs neither astropy nor the observatory's scheduler.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from skykey.rubin.excluded_visits import exclude_visits, fetch_excluded_visits
from skykey.rubin.sky_coordinates import ecliptic, galactic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["augment_visits", "exclude_visits", "fetch_excluded_visits"]

_TEXTS: Final = ("science_program", "target_name", "observation_reason")
_QUALITIES: Final = ("zero_point", "psf_sigma", "psf_area", "sky_bg")
_NUMBERS: Final = (
    *("s_ra", "s_dec", "exp_midpt_mjd", "airmass"),
    *(f"{quality}{kind}" for quality in _QUALITIES for kind in ("", "_median", "_min", "_max")),
    *("pixel_scale", "pixel_scale_median"),
)
_SECONDS_OF_A_DAY: Final = 86_400.0


def augment_visits(
    visits: pd.DataFrame,
    instrument: str = "lsstcam",
    skip_rs_columns: bool = False,
    predicted_zeropoint_offsets: Mapping[str, float] | None = None,
    cols_from: str = "visit",
) -> pd.DataFrame:
    """Order visits by time and add the columns that follow from those that are there.

    In the copy that is returned, null in ``science_program``, ``target_name`` and ``observation_reason`` is ``""``;
    coordinates, ``exp_midpt_mjd``, ``airmass``, zero points, sizes of the PSF, backgrounds and pixel scales are
    ``float64`` (NaN for null); rows are ordered by ``exp_midpt_mjd``, and keep their index.

    ==================================================  ==========================================================
    added                                               from
    ==================================================  ==========================================================
    ``prev_obs_start_mjd``, ``prev_obs_end_mjd``        the visit before (0 for the first): ``obs_start_mjd``,
                                                        ``obs_end_mjd``; both need ``exp_midpt_mjd``
    ``visit_gap``                                       seconds from its end to this one's start (0 for the first)
    ``ecliptic_lat``, ``ecliptic_lon``                  ``s_ra`` and ``s_dec``, degrees: geocentric, mean ecliptic and
                                                        equinox of J2000
    ``galactic_lat``, ``galactic_lon``                  the same, in galactic coordinates
    ==================================================  ==========================================================

    Where a column is missing, what needs it is left out; the log says so (INFO), and ``attrs["augmented"]`` lists what
    was added. The release adds more where ``rubin_scheduler`` and ``rubin_sim`` are installed. Those columns are left
    out here, as the release does without these packages, with a line in the log.

    Parameters
    ----------
    visits
        One row a visit, as ``get_visits`` returns them. It is not changed.
    instrument, predicted_zeropoint_offsets, cols_from
        What the left-out columns would depend on.
    skip_rs_columns
        Whether they are not wanted: nothing is said about them then.

    Returns
    -------
    pandas.DataFrame
        A copy, also of an empty frame, which gets the columns too.

    Examples
    --------
    >>> import pandas as pd
    >>> galactic = augment_visits(pd.DataFrame({"s_ra": [266.41683, None], "s_dec": [-29.00781, None]}))
    >>> list(galactic.columns)
    ['s_ra', 's_dec', 'ecliptic_lat', 'ecliptic_lon', 'galactic_lat', 'galactic_lon']
    >>> [round(angle, 2) for angle in galactic["galactic_lat"]]
    [-0.05, nan]
    """
    del instrument, predicted_zeropoint_offsets, cols_from
    import numpy as np

    midpoints = _Numbers(visits).of("exp_midpt_mjd")
    # NaN comes last.
    frame = visits.copy() if midpoints is None else visits.iloc[np.argsort(midpoints, kind="stable")].copy()
    for name in _TEXTS:
        if _is_one(frame, name):
            frame[name] = _filled(frame[name])
    numbers = _Numbers(frame)
    for name in _NUMBERS:
        if (column := numbers.of(name)) is not None:
            frame[name] = column
        elif _is_one(frame, name):
            _log(f"{name} stays as it is: not all of it is numbers")
    _derive(frame, numbers)
    if not skip_rs_columns:
        _log("visits get no columns of rubin_scheduler and rubin_sim")
    return frame


# -- columns


class _Numbers:
    """The columns of a frame that are numbers, as ``float64`` with NaN for null."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame
        self._known: dict[str, NDArray[np.float64] | None] = {}

    def of(self, name: str) -> NDArray[np.float64] | None:
        """One of them; None if it is not there, there twice, or no number."""
        if name not in self._known:
            self._known[name] = _floats(self._frame[name]) if _is_one(self._frame, name) else None
        return self._known[name]


def _is_one(frame: pd.DataFrame, name: str) -> bool:
    return list(frame.columns).count(name) == 1


def _floats(column: pd.Series[Any]) -> NDArray[np.float64] | None:
    if column.dtype.kind in "mMc":  # times would become counts of nanoseconds
        return None
    try:
        return column.to_numpy(dtype="float64", na_value=float("nan"))
    except (TypeError, ValueError, OverflowError):
        return None


def _filled(column: pd.Series[Any]) -> pd.Series[Any]:
    """Text without null. A dtype that is one of text is kept; others become ``object``."""
    is_null = column.isna().to_numpy()
    if not is_null.any():
        return column
    if column.dtype.type is str:
        return column.fillna("")
    return column.astype(object).mask(is_null, "")


def _derive(frame: pd.DataFrame, numbers: _Numbers) -> None:
    """Add to a frame what follows from its columns."""
    added: list[str] = []
    left_out: list[str] = []
    missed: list[str] = []
    for names, needed, derived in _DERIVED:
        given = [numbers.of(name) for name in needed]
        if any(column is None for column in given):
            left_out += names
            missed += [name for name, column in zip(needed, given, strict=True) if column is None]
            continue
        for name, column in zip(names, derived(*given), strict=True):
            frame[name] = column
            added.append(name)
    frame.attrs["augmented"] = added
    if left_out:
        _log(f"visits without numbers in {', '.join(dict.fromkeys(missed))} get no {', '.join(left_out)}")


def _log(said: str) -> None:
    import logging

    logging.getLogger("skykey.rubin").info(said)


# -- what follows from others


def _before(_: NDArray[np.float64], values: NDArray[np.float64]) -> tuple[NDArray[np.float64]]:
    import numpy as np

    before = np.zeros(len(values))
    before[1:] = values[:-1]
    return (before,)


def _gap(_: NDArray[np.float64], start: NDArray[np.float64], end: NDArray[np.float64]) -> tuple[NDArray[np.float64]]:
    import numpy as np

    gap = np.zeros(len(start))
    gap[1:] = (start[1:] - end[:-1]) * _SECONDS_OF_A_DAY
    return (gap,)


_DERIVED: Final[tuple[tuple[tuple[str, ...], tuple[str, ...], Callable[..., tuple[Any, ...]]], ...]] = (
    (("prev_obs_start_mjd",), ("exp_midpt_mjd", "obs_start_mjd"), _before),
    (("prev_obs_end_mjd",), ("exp_midpt_mjd", "obs_end_mjd"), _before),
    (("visit_gap",), ("exp_midpt_mjd", "obs_start_mjd", "obs_end_mjd"), _gap),
    (("ecliptic_lat", "ecliptic_lon"), ("s_ra", "s_dec"), ecliptic),
    (("galactic_lat", "galactic_lon"), ("s_ra", "s_dec"), galactic),
)
