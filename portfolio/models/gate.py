"""What people may do about the gate, as permissions; the gate itself is in the log alone."""

from django.db import models


class GateDesk(models.Model):
    """What people may do about policy, caps and destinations that is no change of a row."""

    class Meta:
        managed = False
        default_permissions = []
        permissions = [
            ("change_gate", "Can propose policy, caps and destinations of moves"),
            ("agree_gate", "Can agree to a change of policy, caps or destinations of moves"),
        ]
