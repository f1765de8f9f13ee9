"""What a control can turn."""

from collections.abc import Sequence
from dataclasses import dataclass

PHASES = ("PENDING", "QUEUED", "EXECUTING", "COMPLETED", "ERROR", "ABORTED", "UNKNOWN", "HELD", "SUSPENDED", "ARCHIVED")
#: A job that is here goes nowhere any more.
ENDS = ("COMPLETED", "ERROR", "ABORTED", "ARCHIVED")
#: alias -> media type, in the order in which they are declared
FORMATS = {
    "votable": "application/x-votable+xml",
    "votable-b2": "application/x-votable+xml;serialization=BINARY2",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "parquet": "application/vnd.apache.parquet",
}


@dataclass(frozen=True)
class Switches:
    """How the service answers; `Controls.tap` says what each means."""

    redirect: bool = False
    storage: bool = False
    early: bool = False
    hold: str = ""
    words: str = "A control wants it so"
    stop_after: int = -1
    limit: int = 1_000_000
    status: int = 400
    formats: Sequence[str] = tuple(FORMATS)

    def __post_init__(self) -> None:
        if self.hold and (self.hold not in PHASES or self.hold == "COMPLETED"):
            raise ValueError(f"hold is one of {', '.join(PHASES)} but COMPLETED, or nothing")
        if not self.formats or not set(self.formats) <= set(FORMATS):
            raise ValueError(f"formats are of {', '.join(FORMATS)}")
