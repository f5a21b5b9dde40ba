"""The sketch's design: members with counters and a table of transactions, by Django's ORM, under gunicorn.

As one would write it with care: indexes for its queries, a row lock for each member, bounded transactions, connections
that are kept, no middleware but the one that writes Content-Length.
"""
