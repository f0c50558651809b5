"""Frozen values with the field's names; standard library only."""
