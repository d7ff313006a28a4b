"""The tasks: environments, each with its score, its preset and its script."""
