"""The one place that decides on which device, in which precision and in what batches a model runs."""
