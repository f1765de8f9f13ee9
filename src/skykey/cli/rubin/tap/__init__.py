"""``skykey rubin tap``: questions in ADQL, and jobs; one command a file."""
