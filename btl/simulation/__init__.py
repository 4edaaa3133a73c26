"""A newsroom day, made up: the same seed and date give the same records, byte for byte."""
