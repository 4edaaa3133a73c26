"""The documentation site: generated pages, links, and the build (`make docs`)."""
