"""Providers that ask no network, one a file. They do not know each other; a system puts them in order."""
