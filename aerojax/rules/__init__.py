"""The rules: one environment step, and the draw of an episode's start."""
