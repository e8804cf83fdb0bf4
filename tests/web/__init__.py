"""Tests of the pages as a client without a browser sees them."""
