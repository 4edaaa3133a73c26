"""The quality gate: expectations of base and metric tables, checked by Great Expectations, and what
became of them.
"""
