"""Visits with their quality: what every way to ask ConsDB has in common."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from skykey.calls.flow import Flow, bounded
from skykey.rubin.consdb import sql
from skykey.rubin.consdb.sql import Source
from skykey.tables.frames import frame
from skykey.tables.table import Table

if TYPE_CHECKING:
    import pandas as pd

Selected = Sequence[tuple[Source, AbstractSet[str] | None]]
"""Tables, and which of their columns; None for all."""

_REPEATED: Final = "repeated_columns"
_IDENTIFIERS: Final = frozenset(
    {"ccdexposure_id", "ccdvisit_id", "day_obs", "detector", "exposure_id", "obs_id", "seq_num", "visit_id"}
)


@dataclass(frozen=True, slots=True)
class VisitTable(Table):
    """Visits as the database has them, and in pandas with what follows from their columns.

    Parameters
    ----------
    instrument
        Whose visits they are; None if nothing is to be added to them.
    """

    instrument: str | None = None

    def to_pandas(self) -> pd.DataFrame:
        """See `Table.to_pandas`; with the columns of `skykey.rubin.augment_visits` if they were asked for."""
        visits = Table.to_pandas(self)  # super() does not know a class with slots
        if self.instrument is None:
            return visits
        # Here and not at the top: it is needed only with an answer.
        from skykey.rubin.augment_visits import augment_visits

        return augment_visits(visits, instrument=self.instrument)


class VisitFlows:
    """Questions about visits, over any way to ask a statement."""

    query_timeout: float

    @frame
    def get_visits(
        self,
        instrument: str,
        t_start: Any = None,
        t_end: Any = None,
        visit_constraint: str | None = None,
        augment: bool = True,
    ) -> Flow[Table]:
        """Read visits with their quality.

        Parameters
        ----------
        instrument
            ``lsstcam``, ``lsstcomcam``, ``latiss``.
        t_start, t_end
            Bounds of the exposures' starts, both inclusive: astropy ``Time`` of any scale, aware ``datetime``, or ISO
            text in UTC. The database counts TAI; they are converted.
        visit_constraint
            A further condition in SQL, such as ``"visit1.science_program = 'BLOCK-365'"``. Columns that both tables
            have (``visit1``, ``visit1_quicklook``) need their table's name.
        augment
            Whether the DataFrame gets the columns that follow from the others (`skykey.rubin.augment_visits`). In the
            other shapes, ``get_visits.table`` and so on, are always the database's own columns.

        Returns
        -------
        pandas.DataFrame
            One row a visit, by ``visit_id``. Column types are the database's own, also without rows: times are
            ``datetime64[us]`` in TAI, whole numbers ``Int64``. ``attrs["descriptions"]`` says what they are.
            Identifiers that both tables have, such as ``day_obs``, are there once, as those of quality are null for
            visits that have none. Other columns of one name, and identifiers that differ else, are there twice, as
            ``name`` and ``name_1``; ``attrs["repeated_columns"]`` lists them.

        Raises
        ------
        UsageError
            For what is no instrument's name, no point in time, not one condition. No request is made then.
        UnknownName
            For an instrument that the service does not have; it names those that it has.
        QueryError, Interrupted, TimedOut, Unreachable
            If there is no whole answer. There is never a part of it instead.

        Examples
        --------
        >>> from skykey.rubin.connections import get_clients
        >>> consdb = get_clients(site="usdf")["consdb"]
        >>> consdb.get_visits("lsstcam", "2026-03-20T12:00Z", "2026-03-21T12:00Z")  # doctest: +SKIP
        """
        statement = sql.visits(instrument, t_start, t_end, visit_constraint)
        owner = sql.instrument_of(instrument)
        selected: Selected = [((owner, "visit1"), None), ((owner, "visit1_quicklook"), None)]
        found = yield from bounded(self._typed(statement, selected), self.query_timeout)
        return _visits(found, owner if augment else None)

    @frame
    def query_ccdvisits(
        self, instrument: str, visit_id: int, detector_min: int | None = None, detector_max: int | None = None
    ) -> Flow[Table]:
        """Read one visit's detectors with their quality.

        Parameters
        ----------
        instrument
            As in `get_visits`.
        visit_id
            The visit.
        detector_min, detector_max
            First and last detector, both inclusive.

        Returns
        -------
        pandas.DataFrame
            One row a detector, by ``detector``; columns as in `get_visits`.

        Raises
        ------
        UsageError
            For what is no instrument's name or no whole number. No request is made then.
        UnknownName, QueryError, Interrupted, TimedOut, Unreachable
            As `get_visits`.

        Examples
        --------
        >>> from skykey.rubin.connections import get_clients
        >>> consdb = get_clients(site="usdf")["consdb"]
        >>> consdb.query_ccdvisits("lsstcam", 2026032000120, 90, 98)  # doctest: +SKIP
        """
        statement = sql.ccdvisits(instrument, visit_id, detector_min, detector_max)
        owner = sql.instrument_of(instrument)
        selected: Selected = [
            ((owner, "visit1"), None),
            ((owner, "ccdvisit1"), {"detector"}),
            ((owner, "ccdvisit1_quicklook"), None),
        ]
        found = yield from bounded(self._typed(statement, selected), self.query_timeout)
        return _visits(found, None)

    def _typed(self, statement: str, selected: Selected) -> Flow[Table]:
        """The answer to a statement that shows these columns in this order, typed and described by the schema.

        Columns of one name are all there, as `skykey.tables.repeated.apart` calls them, also where they are equal; the
        fact ``repeated_columns`` lists them.
        """
        raise NotImplementedError


def _visits(found: Table, instrument: str | None) -> VisitTable:
    data: Any = found.arrow
    repeated = found.facts.get(_REPEATED, {})
    kept = {name: _kept(data, name, several) for name, several in repeated.items()}
    doubles = [new for name, several in repeated.items() for new in several if new not in kept[name]]
    facts = {**found.facts, _REPEATED: kept} if kept else found.facts
    data = data.drop_columns(doubles) if doubles else data
    return VisitTable(data, found.end, found.columns_known, facts, found.time_scale, instrument)


def _kept(data: Any, name: str, several: Sequence[str]) -> list[str]:
    """Which columns of one name are needed: it must not depend on the rows, unless something is wrong with them."""
    if name not in _IDENTIFIERS:
        return list(several)
    first, *others = several
    return [first, *(other for other in others if not _agree(data.column(first), data.column(other)))]


def _agree(one: Any, other: Any) -> bool:
    """Whether the second column says nothing that the first one does not say: it may have nulls of its own."""
    pc: Any = import_module("pyarrow.compute")
    if one.type != other.type:
        return bool(other.null_count == len(other))
    if pc.any(pc.and_(pc.is_null(one), pc.is_valid(other))).as_py():
        return False
    return pc.all(pc.equal(one, other)).as_py() is not False  # nulls are passed over
