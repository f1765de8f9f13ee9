"""Bare HTTP: a request goes out, a head and chunks come back.

No credentials, no redirects, no retries, no cookies, no opinion about a status. Credentials' grants may use it.
"""
