"""Writing the catalogue: a service added, taken away, or carried over from somebody's Compose file."""
