"""``skykey descarteslabs`` and ``skykey earthone``: logging in and out, and what a login says."""
