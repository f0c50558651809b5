"""Lanes: the job that screens, the sensor that keeps it running, and the checks that watch it."""
