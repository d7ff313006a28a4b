"""Training runs: their folders, checkpoints and metrics, and how they stop and resume."""
