"""Experiments, benchmarks and figures behind the documentation."""
