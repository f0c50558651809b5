"""What measures models, and compares each release with the one before."""
