"""A local counterpart of ConsDB's HTTP service, pqserver: a made-up year of visits, asked in PostgreSQL's SQL.

`schema` knows the tables, `visits` fills them, `dialect` tells what DuckDB answers as PostgreSQL does, `engine` asks
it, `errors` says what went wrong, `app` speaks HTTP. What would be answered differently gets a 500 that names the real
part.
"""

from skykey.sandbox.consdb.app import ConsDb

__all__ = ["ConsDb"]
