"""Closing discussions: the barrier that says what has been ingested, and the windows that are
applied behind it.
"""
