"""GenAI Vanilla Stack: assembles a Docker Compose project from fragments and overrides."""

__version__ = "0.1.0"
