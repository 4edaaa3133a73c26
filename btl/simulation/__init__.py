"""A made-up newsroom day: the same seed and date give the same records, byte for byte."""
