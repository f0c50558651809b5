"""Banks: their index, and the exchanges that fill them."""
