"""The comparison of algorithms over tasks: sweeps, tuning, and their reports."""
