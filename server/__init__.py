"""The coordinator: round driver, validation, aggregation, global student."""
