"""Evaluations of real models: labelled texts and pictures through the same parts that screen posts."""
