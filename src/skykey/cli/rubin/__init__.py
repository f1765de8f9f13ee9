"""``skykey rubin``: questions to the observatory's telemetry, one command a file."""
