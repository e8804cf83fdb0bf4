"""The pure half of the portfolio: book, pnl, margin, exposure."""
