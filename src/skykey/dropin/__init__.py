"""The upstream import names, so that existing programs run unchanged.

::

    python -m skykey.dropin program.py --its --own arguments
    python -m skykey.dropin -m package.module
    python -m skykey.dropin descarteslabs auth status

or, in the first line of a program::

    import skykey.dropin; skykey.dropin.install()

After that ``import rubin_nights.connections`` gives Skykey's own module, and an installed ``rubin_nights`` is not
looked at. The table in `skykey.dropin.names` says which names are served.
"""

from __future__ import annotations

from skykey.dropin.finder import install, uninstall

__all__ = ["install", "uninstall"]
