"""A local counterpart of InfluxDB 1.6.7: what the telemetry clients ask, answered byte for byte, over DuckDB.

`influxql` reads a statement, `store` holds the data, `engine` brings the two together as `results` (with `selects`
and `aggregates`), `answer` writes them down, `app` speaks HTTP. What goes beyond is refused, by the name of the real
server.
"""

from skykey.sandbox.influxdb.app import InfluxService
from skykey.sandbox.influxdb.bundled import databases, line_protocol

__all__ = ["InfluxService", "databases", "line_protocol"]
