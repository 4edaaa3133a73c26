"""One module for each system whose exports are read; each has a tuple ``FORMATS``."""
