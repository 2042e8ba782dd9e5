"""The verbs, one file a noun: load posts, build feeds, assemble an issue, deliver, subscribe.

Services open transactions, ask the domain, and save; whoever calls them (a command, a request,
the scheduler) is not their concern. Start with `publishing`, the whole cycle.
"""
