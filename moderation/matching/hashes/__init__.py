"""Perceptual hashes of a picture: PDQ in eight orientations, without its border, pHash and dHash."""
