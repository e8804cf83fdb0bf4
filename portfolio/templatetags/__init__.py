"""Template tags of the screen."""
