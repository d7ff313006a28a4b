"""Evaluation of trained teams: episodes, scores, learning curves and statistics."""
