"""Below the Line: what readers say under articles and what they report, from Kafka to metric
tables.
"""

__version__ = "0.1.0"
