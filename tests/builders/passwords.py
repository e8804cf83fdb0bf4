"""Passwords of tests: the hasher of the real thing, with a cost that a thousand tests can bear."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class QuickArgon2(Argon2PasswordHasher):
    """Argon2 in a thousandth of the time, for people who exist for one test."""

    time_cost = 1
    memory_cost = 64  # KiB
    parallelism = 1
