"""Public feature maps, learnt from the inputs of the transfer set alone."""
