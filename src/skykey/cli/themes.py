"""The colours of pictures: on paper, and at night."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of a picture.

    Parameters
    ----------
    paper, ink, faint, lines
        The ground, what is written on it, what is written aside, and the grid.
    dusk, day
        The ground while the Sun is low, and while it is up.
    curves
        Told apart by everybody (Okabe and Ito), also in print.
    """

    paper: str
    ink: str
    faint: str
    lines: str
    dusk: str
    day: str
    curves: tuple[str, ...]


LIGHT: Final = Theme(
    *("white", "#1a1a1a", "#666666", "#dddddd", "#f5f3ec", "#fdf2d8"),
    curves=("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#5A5A5A", "#000000"),
)
DARK: Final = Theme(
    *("#14171c", "#d8dce2", "#949ca8", "#2f3640", "#1d2430", "#2b3444"),
    curves=("#56B4E9", "#E69F00", "#2FC79A", "#E28FBD", "#F0E442", "#FF7A45", "#A9B1BC", "#FFFFFF"),
)
