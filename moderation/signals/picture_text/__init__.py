"""`picture_text`: what is written in a picture, read where a small look sees text and while time lasts."""
