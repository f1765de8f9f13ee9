"""The ways in which a statement or a write can fail."""


class HttpError(Exception):
    """A request that 1.6.7 refuses as well, in its words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class RefusedError(HttpError):
    """What the sandbox does not do: HTTP 400 where that shows in time, and who does it."""

    def __init__(self, words: str) -> None:
        super().__init__(400, f"{words} (the sandbox does not go further, the real server does: --real influxdb)")


class StatementError(Exception):
    """A statement that cannot be carried out: HTTP 200 with the error inside, as InfluxDB has it."""
