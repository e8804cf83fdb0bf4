"""What the portfolio writes."""
