"""Credentials for other libraries: one library a file, live, and never beyond their reach."""
