"""The tasks: environments, and what a trainer must know of each."""
