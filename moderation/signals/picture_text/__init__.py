"""`picture_text`: what is written in a picture, read where a cheap detector sees text and while time lasts."""
