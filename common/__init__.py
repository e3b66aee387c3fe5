"""What both sides must agree on: values, errors, config, models, losses, privacy."""
