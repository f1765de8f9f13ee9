"""The documented names of ``earthdaily.earthone.config``."""

from __future__ import annotations

from skykey.descarteslabs.config import EarthOneSettings as Settings

__all__ = ["Settings", "get_settings", "peek_settings", "select_env"]

select_env = Settings.select_env
get_settings = Settings.get_settings
peek_settings = Settings.peek_settings
