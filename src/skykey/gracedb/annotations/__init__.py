"""What is written beside events and superevents: one kind a file. `shapes` reads the answers of every server."""
