"""Finding, keeping and placing credentials: the heart."""
