"""Fakes and fixtures over the sandbox's own services, for us and for packages downstream."""
