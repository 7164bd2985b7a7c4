"""The nouns: what every other room speaks of. Frozen, typed, free of input and output."""
