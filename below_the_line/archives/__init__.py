"""A site's export becomes events, by a small declared mapping (docs/archives.md)."""
