"""What happens on the engine: images, starting, waiting, and what is told of it."""
