"""Metric tables: what they mean, and how they are computed again from the base tables."""
