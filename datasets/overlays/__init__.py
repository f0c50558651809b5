"""Text drawn over pictures: what the text detector is trained on, and what the reader is measured with."""
