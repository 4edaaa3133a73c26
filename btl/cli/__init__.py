"""The command line `btl`, one module per group of commands."""
