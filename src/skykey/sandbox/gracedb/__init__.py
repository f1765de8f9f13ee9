"""A local GraceDB: events and superevents with all that is said of them, as the current and the classic server answer.

`app` has what stands before every route, each other module the routes of one kind of thing. What is kept is in
`store` and, if it is a file, in `blobs`; `shapes` says how it looks to whoever asks (`asked`).
"""

from skykey.sandbox.gracedb.access import Access
from skykey.sandbox.gracedb.app import GraceDb
from skykey.sandbox.gracedb.issuer import Issuer
from skykey.sandbox.gracedb.switches import Switches

__all__ = ["Access", "GraceDb", "Issuer", "Switches"]
