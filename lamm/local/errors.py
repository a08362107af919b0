"""What can go wrong before there is a database."""


class LocalServiceError(RuntimeError):
    """A local server cannot be found, started or placed; the message says what to do."""
