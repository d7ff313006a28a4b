"""Runs on disk and in time: folders, checkpoints, metrics, stopping and resuming."""
