"""Turn a site's export into events, by a small declared mapping (docs/archives.md)."""

from pathlib import Path

MAPPINGS = Path(__file__).resolve().parent / "mappings"
"""The mappings that come with the software, each named after the folder of its export."""
