"""Whether an environment keeps JaxMARL's contract."""
