"""The ``skykey`` command, one command of it a file; each loads when it is used.

``root`` is the top, ``systems`` the table of what Skykey serves, ``options`` what commands share, ``output`` and
``failures`` what stdout and stderr see. ``docs/command.md`` documents exit codes and JSON.
"""
