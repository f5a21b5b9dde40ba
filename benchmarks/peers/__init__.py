"""The rivals and the bare server: each the honest best of its kind, each run in a process of its own.

Those with an environment of their own import nothing of ours but `benchmarks.hammer`.
"""
