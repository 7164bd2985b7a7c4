"""Rules as data: the checks and the client catalogue that Bartizan ships."""
