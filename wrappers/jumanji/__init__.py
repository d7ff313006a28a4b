"""Environments of jumanji as JaxMARL's."""
