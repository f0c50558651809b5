"""The measurement of models: turns, table, pinning, and what its last line says."""
