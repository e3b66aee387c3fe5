"""The data owner's side of a site: policy file, private data, and his commands."""
