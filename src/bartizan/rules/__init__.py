"""The rule language: how judgement is written down, loaded and run. Text and file names in, Findings out."""
