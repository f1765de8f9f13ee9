"""The two ways in which a statement can fail."""


class RefusedError(Exception):
    """Not a statement that the sandbox speaks: HTTP 400."""


class StatementError(Exception):
    """A statement that cannot be carried out: HTTP 200 with the error inside, as InfluxDB has it."""
