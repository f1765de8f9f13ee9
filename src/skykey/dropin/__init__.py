"""The upstream import names, so that existing programs run unchanged."""
