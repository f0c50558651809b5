"""Captions, prompts and posts written for this project, to train and test the text harm classifier on.

Every family of frames (`families/*.yaml`) has harmless ones that share its words. Adults only, no graphic wording.
"""

from datasets.captions.grow import generate

__all__ = ["generate"]
