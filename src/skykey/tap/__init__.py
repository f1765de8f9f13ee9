"""Asking services that speak TAP (IVOA's Table Access Protocol), whoever runs them: at once, or as a job."""
