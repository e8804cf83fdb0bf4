"""Page: what the Overview shows of a frame, as sections of rows of leaves."""

from collections.abc import Hashable, Iterator, Mapping

from hedgeapp.core.records import record
from hedgeapp.live import Leaf


@record
class Row:
    """A line of a table: `texts` stand still, `leaves` change. `key` is its place, `rows` are the lines under it."""

    key: str
    texts: Mapping[str, str]
    leaves: Mapping[str, Leaf]
    rows: tuple["Row", ...] = ()

    @property
    def shape(self) -> Hashable:
        """Return all that is not a leaf: when it differs, the fragment is drawn again."""
        return self.key, tuple(self.texts.items()), tuple(self.leaves), tuple(row.shape for row in self.rows)

    def all_leaves(self) -> Iterator[Leaf]:
        """Yield the leaves of this row and of the rows under it."""
        yield from self.leaves.values()
        for row in self.rows:
            yield from row.all_leaves()


Section = tuple[Row, ...]


def row(key: str, texts: Mapping[str, str | None], leaves: Mapping[str, Leaf], rows: tuple[Row, ...] = ()) -> Row:
    """Return a row without its empty texts."""
    return Row(key=key, texts={name: said for name, said in texts.items() if said}, leaves=leaves, rows=rows)
