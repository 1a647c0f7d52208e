"""What image builds need of this machine: a base image and package managers' settings."""
