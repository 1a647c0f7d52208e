"""One plan on several machines, by Docker Swarm."""
