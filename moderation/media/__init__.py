"""Images and text before anything is measured: the one decoder, the blob store, text normalisation."""
