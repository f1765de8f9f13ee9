"""Providers that ask an issuer over the wire, one a file. A token endpoint is never followed over redirects."""
