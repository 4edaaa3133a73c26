"""The quality gate: expectations of base and metric tables, and the run that checks them."""
