"""Detection: raw records become Events, Events are enriched, judged and gathered. Pure."""
