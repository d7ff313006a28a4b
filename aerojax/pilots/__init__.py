"""Scripted pilots."""
