"""What is known of the world outside, as tables: kept by hand, each entry with its source."""
