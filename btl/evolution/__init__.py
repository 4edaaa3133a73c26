"""How contracts may change: what the last release promised, and what would break it.

Pure, except for reading schemas/.
"""
