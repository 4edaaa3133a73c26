"""Erasure: what must be forgotten, and how it is wiped."""
