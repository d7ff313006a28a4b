"""Wrappers: the environments in other people's code."""
