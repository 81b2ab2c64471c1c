"""``make demo``: the main job, end to end, on a simulated cookie line."""
