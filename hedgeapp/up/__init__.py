"""Up: from a bare machine to a running stack, with one command."""
