"""Gymnasium environments, single and vectorised."""
