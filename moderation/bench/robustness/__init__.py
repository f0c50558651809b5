"""How many edited copies of known pictures are found, and how many other pictures are taken for them."""
