"""PaxMen: a cooperative, partially observed maze of corridors and dots."""
