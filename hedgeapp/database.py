"""Raw connections: what psycopg needs to connect as Django does, for loops that hold a connection of their own."""

from django.db import connections
from psycopg.conninfo import make_conninfo

_NAMES = ("host", "port", "user", "password", "dbname")


def conninfo(alias: str = "default") -> str:
    """Return the connection string of a Django database alias."""
    parameters = connections[alias].get_connection_params()
    return make_conninfo(**{name: parameters[name] for name in _NAMES if parameters.get(name)})
