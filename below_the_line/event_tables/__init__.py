"""The tables that events are merged into: their description, and the SQL made from it."""
