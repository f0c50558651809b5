"""Perceptual hashes and banks of known images."""
