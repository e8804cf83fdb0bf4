"""Custodians: why one of them takes no moves now.  Book x custodian -> sentence

Its feed states each change. How current that is tells the feed's own health, and what is stale is refused elsewhere: a
move needs a current word on what its source has.
"""

from portfolio.core.book import Book


def move_lock(book: Book, custodian: str) -> str:
    """Return why a custodian's settlement or maintenance locks moves now, empty when it takes them."""
    state = book.custodians.get(custodian)
    return state.said if state is not None and state.state != "open" else ""
