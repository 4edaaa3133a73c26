"""Closing of discussions: the barrier that shows what has been ingested, the windows applied behind
it, and the events that announce the changes.
"""
