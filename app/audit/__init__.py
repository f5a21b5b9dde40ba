"""The audit reads history and proves it. It writes nothing but checkpoints, and the tree under them."""


class AuditError(Exception):
    """Something is not what it should prove to be, or cannot be used to prove anything; the message says what."""
