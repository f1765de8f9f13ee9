"""What a control can turn."""

from dataclasses import dataclass
from typing import get_args

from skykey.sandbox.controls import Generation


@dataclass(frozen=True)
class Switches:
    """How the server answers; `Controls.gracedb` says what each means."""

    generation: Generation = "current"
    throttle: int | None = None

    def __post_init__(self) -> None:
        if self.generation not in get_args(Generation):
            raise ValueError(f"generation is one of {', '.join(get_args(Generation))}")
        if self.throttle is not None and self.throttle < 0:
            raise ValueError("throttle is a number of requests, or None")
