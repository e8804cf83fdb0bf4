"""Overview: a frame as the page shows it.  Frame -> sections, and Picture for what is pushed"""

from collections.abc import Mapping
from typing import Final

from hedgeapp.live import Picture
from portfolio.core.frames import Frame
from portfolio.screen import exposure, holdings, margin, positions, prices, status
from portfolio.screen.page import Section

# The fragments of the page: section -> template.
FRAGMENTS: Final = {
    "kpis": "portfolio/_kpis.html",
    "exposure": "portfolio/_exposure.html",
    "positions": "portfolio/_positions.html",
    "pnl": "portfolio/_pnl.html",
    "balances": "portfolio/_balances.html",
    "collateral": "portfolio/_collateral.html",
    "prices": "portfolio/_prices.html",
    "concentrations": "portfolio/_concentrations.html",
    "backing": "portfolio/_backing.html",
    "worth": "portfolio/_worth.html",
    "margin": "portfolio/_margin.html",
    "feeds": "portfolio/_feeds.html",
    "events": "portfolio/_events.html",
    "faults": "portfolio/_faults.html",
}


def sections(frame: Frame) -> Mapping[str, Section]:
    """Return the sections of the page."""
    return {
        "kpis": exposure.kpis(frame.kpis),
        "exposure": exposure.exposure(frame.exposure, frame.proposals),
        "positions": positions.positions(frame.positions),
        "pnl": positions.pnl(frame.pnl, frame.funding),
        "balances": holdings.balances(frame.balances),
        "collateral": holdings.collateral(frame.collateral),
        "prices": prices.sheet(frame.prices, frame.minting),
        "concentrations": exposure.concentrations(frame.concentrations),
        "backing": holdings.backing(frame.backing),
        "worth": holdings.worth(frame.worth),
        "margin": margin.margin(frame.margin, frame.buffers),
        "feeds": status.feeds(frame.feeds),
        "events": status.events(frame.events),
        "faults": status.faults(frame.faults, frame.faults_total),
    }


def picture(frame: Frame, shown: Mapping[str, Section], announcement: str = "") -> Picture:
    """Return what can change on the page, by id."""
    leaves = {name: [leaf for row in rows for leaf in row.all_leaves()] for name, rows in shown.items()}
    return Picture(
        number=frame.number,
        seq=frame.seq,
        at=frame.at,
        leaves={leaf.id: leaf for section in leaves.values() for leaf in section},
        shapes={name: tuple(row.shape for row in rows) for name, rows in shown.items()},
        fragments={name: frozenset(leaf.id for leaf in section) for name, section in leaves.items()},
        announcement=announcement,
    )
