"""The one door out: what changes something at a venue goes through here, and only tasks open it."""
