"""Stores that outlive a process, one place a file, and what they are built from."""
