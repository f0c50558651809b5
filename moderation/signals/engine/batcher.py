"""Gathers single requests of several threads into batches, with a bound on how long any of them waits."""
