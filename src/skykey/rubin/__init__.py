"""Rubin Observatory: telemetry, visits and logs, in the words of ``rubin_nights``."""
