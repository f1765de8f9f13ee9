"""A night on one page: as text, picture and HTML."""
