"""What is wrong with what servers say: definitions and texts judged by the lexicon of the rules. Pure."""
