"""The words that everything else is written in. No input, no output, no opinion about any service."""
