"""Tests that start the real processes, and may kill them."""
