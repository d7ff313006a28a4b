"""The method: what is learned, from a rollout to an update."""
