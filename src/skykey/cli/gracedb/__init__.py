"""``skykey gracedb …``: the commands of ``gracedb``, and what it has none for."""
