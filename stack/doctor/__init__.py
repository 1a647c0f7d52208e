"""What can be wrong, why, and what to type: one small file for each check."""
