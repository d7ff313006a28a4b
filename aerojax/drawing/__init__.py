"""What viewers draw of an episode."""
