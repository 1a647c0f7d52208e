"""The engine step: Docker and Compose brought to a machine, started, and judged."""
