"""What `bin/bench` runs: the house against its rivals and its floors, in rounds that take turns.

It never serves, tests or changes the house, and keeps nothing but benchmarks/results.
"""
