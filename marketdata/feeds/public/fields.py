"""Fields: what a number may be on the wire of any venue; what is out of bounds makes its whole message malformed.

Books are floats; a value that may become a fact stays the wire's text, of a form that always makes a Decimal.
"""

from typing import Annotated, Final

from msgspec import Meta

LEVELS_MAX: Final = 10_000  # levels a side in one message

Price = Annotated[float, Meta(gt=0, le=1e15)]
Quantity = Annotated[float, Meta(ge=0, le=1e21)]
Levels = Annotated[list[tuple[Price, Quantity]], Meta(max_length=LEVELS_MAX)]
PriceText = Annotated[str, Meta(pattern=r"^\d{1,15}(\.\d{1,18})?$")]
RateText = Annotated[str, Meta(pattern=r"^(-?\d{1,3}(\.\d{1,18})?)?$")]
# Beyond this no date can be made of milliseconds.
Milliseconds = Annotated[int, Meta(ge=0, le=253_402_300_799_999)]
Id = Annotated[int, Meta(ge=0)]
