"""The checks, one file each; registry.py lists them."""
