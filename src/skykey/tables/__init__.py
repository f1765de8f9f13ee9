"""Answers as tables: push decoders from the wire to Arrow, rows while they come, and what users hold at the end."""
