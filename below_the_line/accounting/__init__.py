"""What became of every record: positions, the ledger, the decisions that only a person can take,
and the audit.
"""
