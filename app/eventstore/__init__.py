"""The event store on psycopg2, behind the eventsourcing library's persistence interfaces.

Owns the table `events`, its order, and what rides in an append's transaction. It knows no read model and no rule:
wiring hands it the folds. Only migrations create its tables.
"""
