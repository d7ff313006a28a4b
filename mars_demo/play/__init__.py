"""A person in the team: playing by hand, and watching."""
