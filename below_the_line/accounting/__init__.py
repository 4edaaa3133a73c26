"""The account of every record: positions, the ledger, the decisions of people, and the audit."""
