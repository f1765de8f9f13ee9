"""What can go wrong with a sandbox itself, each with the exit code of its kind."""


class SandboxError(Exception):
    """The sandbox could not do what was asked; the text says what to type next."""

    exit_code = 1


class NotRunning(SandboxError):
    """No sandbox answers in this state folder."""


class AlreadyRunning(SandboxError):
    """Another process holds this state folder."""


class NotReady(SandboxError):
    """It did not answer in time; asking again may help."""

    exit_code = 8
