"""Public data: what the feeds of all venues share; a venue's own file holds only its protocol."""
