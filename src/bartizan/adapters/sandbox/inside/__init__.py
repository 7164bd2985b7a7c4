"""Programs and files that are mounted into the sandbox. They import the standard library only."""
