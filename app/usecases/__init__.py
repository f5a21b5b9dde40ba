"""What the house can do, one module a use case: load, let the aggregates decide, record.

Use cases know the domain and ports. They hold no SQL, no HTTP and no rule of the ledger.
"""
