"""What a consumer tells the outside: figures for Prometheus, and whether it is alive and ready."""
