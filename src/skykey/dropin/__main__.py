"""``python -m skykey.dropin``: run a program that uses the upstream names."""

from __future__ import annotations

from skykey.dropin.program import main

main()
