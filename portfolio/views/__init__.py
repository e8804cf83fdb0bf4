"""Views: one file per noun."""
