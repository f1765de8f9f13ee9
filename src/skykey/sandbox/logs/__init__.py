"""Local counterparts of a site's three logs: narrativelog 0.7.0, exposurelog 1.3.1 and nightreport.

`values` reads what was sent, `table` filters, orders and pages, `tables` says what each log has, `made_up` is what
is in them, `app` speaks HTTP. Where the real servers' answer is not known, or hangs on how their database is set up,
the answer is a 501 that names the real one. Texts are ordered by code point.
"""

from skykey.sandbox.logs.app import mounts

__all__ = ["mounts"]
