"""Frame sources: cameras, files and the simulated line."""
