"""Windows for people: playing one agent by hand, and watching a trained team."""
