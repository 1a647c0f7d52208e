"""The `.env` file, the layers of settings around it, and secrets."""
