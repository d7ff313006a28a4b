"""Many runs: sweeps, tuning, reports, benchmarks."""
