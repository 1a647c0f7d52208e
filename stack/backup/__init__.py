"""Backup and restore: what is saved how, the repository in which it lies, and the way back (docs/backup.md)."""
