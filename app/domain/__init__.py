"""The points ledger itself, pure: lots, accounts, orders, the programme's rules.

Nothing in here reads a clock, a random source, a database or the environment; time comes in as an argument.
"""
