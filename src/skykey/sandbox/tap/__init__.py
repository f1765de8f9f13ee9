"""A local counterpart of ConsDB's TAP service (TAP 1.1, UWS 1.1): the same made-up year as over HTTP, asked in ADQL.

`adql` reads a question, with `geometry` for the sky and `sources` for what columns mean; `answers` carries it out;
`votable` and `formats` write answers down. `parameters` are those of a request, `uploads` the tables that came with
it. `jobs` keeps jobs and `uws` shows them; `capabilities` and `tap_schema` say what is there; `switches` is what a
control can turn; `app` speaks HTTP.
"""

from skykey.sandbox.tap.app import Tap
from skykey.sandbox.tap.switches import Switches

__all__ = ["Switches", "Tap"]
