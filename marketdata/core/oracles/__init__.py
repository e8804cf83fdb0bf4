"""Oracles, pure: signed bytes in, verified prices out; what nobody trusted has signed is refused in a sentence."""
