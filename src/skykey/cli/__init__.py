"""The `skykey` command, one group of it a file."""
