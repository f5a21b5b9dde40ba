"""Plain tables beside the log: who is who, reasons' texts, idempotency claims, job runs.

What must stand or fall with an append is given to it as a statement; the rest is read and written here.
"""
