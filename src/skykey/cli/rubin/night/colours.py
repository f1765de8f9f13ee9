"""How bands, levels and lost time look. Colours and shapes of the bands are those of Rubin's own figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from skykey.cli.rubin.levels import gravity

if TYPE_CHECKING:
    from collections.abc import Mapping

MARKERS: Final = {"u": "o", "g": "^", "r": "v", "i": "s", "z": "*", "y": "p"}
"""A shape for each band: colours alone do not tell six things apart for everybody."""


@dataclass(frozen=True, slots=True)
class NightColours:
    """What a night's picture needs beside its theme.

    Parameters
    ----------
    bands
        By band; `other` for what has none of these.
    other
        For all that has no colour of its own.
    info, warning, error
        Messages by their level.
    lost
        By what time was lost to.
    """

    bands: Mapping[str, str]
    other: str
    info: str
    warning: str
    error: str
    lost: Mapping[str, str]

    def of_level(self, level: int) -> str:
        """A message's colour."""
        return {"error": self.error, "warning": self.warning, "info": self.info}[gravity(level)]


ON_LIGHT: Final = NightColours(
    bands={"u": "#0c71ff", "g": "#49be61", "r": "#c61c00", "i": "#ffc200", "z": "#f341a2", "y": "#5d0000"},
    other="#777777",
    info="#8a8f98",
    warning="#E69F00",
    error="#D40000",
    lost={"fault": "#D55E00", "weather": "#56B4E9"},
)
ON_DARK: Final = NightColours(
    bands={"u": "#3eb7ff", "g": "#30c39f", "r": "#ff7e00", "i": "#2af5ff", "z": "#a7f9c1", "y": "#fdc900"},
    other="#a9b1bc",
    info="#7d8896",
    warning="#F0E442",
    error="#FF5A4D",
    lost={"fault": "#FF7A45", "weather": "#56B4E9"},
)
