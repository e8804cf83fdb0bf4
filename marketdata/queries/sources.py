"""What there is to listen to: every enabled source, by name and protocol."""

from hedgeapp.core.records import record
from marketdata import models


@record
class Source:
    """A venue, custodian or chain that a feed reads; an account's protocol is its venue's."""

    name: str
    protocol: str


@record
class Sources:
    """The enabled ones; an account counts only while its venue does."""

    venues: tuple[Source, ...]
    accounts: tuple[Source, ...]
    custodians: tuple[Source, ...]
    chains: tuple[Source, ...]


def sources() -> Sources:
    """Return every enabled source, in four small reads."""
    venues = dict(models.Venue.objects.filter(is_enabled=True).values_list("name", "protocol"))
    accounts = models.Account.objects.filter(is_enabled=True).values_list("name", "venue_id")
    custodians = models.Custodian.objects.filter(is_enabled=True).values_list("name", "protocol")
    chains = models.Chain.objects.filter(is_enabled=True).values_list("name", flat=True)
    return Sources(
        venues=tuple(Source(name=name, protocol=protocol) for name, protocol in venues.items()),
        accounts=tuple(Source(name=name, protocol=venues[venue]) for name, venue in accounts if venue in venues),
        custodians=tuple(Source(name=name, protocol=protocol) for name, protocol in custodians),
        chains=tuple(Source(name=name, protocol="ethereum") for name in chains),
    )
