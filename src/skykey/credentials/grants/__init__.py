"""What asks an issuer over the wire: one grant a file, and what grants share. Nobody here follows a redirect."""
