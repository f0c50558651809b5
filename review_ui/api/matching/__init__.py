"""Matching for other programs: HMA's routes, so that its clients can switch, and clean ones under /v1/matching."""
