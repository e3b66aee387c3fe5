"""The site's side of Flower: its bundle, its key, its SuperNode."""
