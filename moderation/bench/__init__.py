"""Measurements as ratios to a peer or a bare loop in the same run: these machines are noisy, ratios are not."""
