"""Trained teams at play: episodes, scores, curves, statistics."""
