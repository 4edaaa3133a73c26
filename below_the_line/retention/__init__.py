"""Retention: what grows with time, when it goes, and how it is deleted beside running consumers."""
