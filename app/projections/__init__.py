"""Read models: each module has its table's fold, its merge and its queries; what is served is always fold(log).

A fold is pure: events in order -> rows to merge. The same fold runs inline, in the append's own transaction, and in
bulk over the whole log. Read models do not know one another, and the write side never reads one to decide.
"""
