"""The one error of this service that is its user's."""


class AdqlError(Exception):
    """A question that the service does not answer, in words for the user."""
