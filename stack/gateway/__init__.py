"""Kong: its file, its routes, what it would refuse, and what one plan gives it."""
