"""What can go wrong with the embedded PostgreSQL, in words for the person at the terminal."""


class CannotStart(RuntimeError):
    """The embedded PostgreSQL cannot be started; the message says why, with the end of the server's own log."""


class NotInitialised(RuntimeError):
    """An address was asked for before the embedded PostgreSQL was ever started in this home."""
