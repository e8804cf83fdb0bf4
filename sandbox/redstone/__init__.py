"""RedStone of the sandbox: a gateway whose nodes sign the world's prices with keys of their own."""
