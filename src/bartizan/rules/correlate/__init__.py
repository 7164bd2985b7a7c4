"""Rules on several events, in event time: windows, sequences, absences, and what is new or unusual for a key.

Each judge keeps its state apart for each group, takes matches in any order, and concludes when a watermark passes.
`docs/explanation/event-time.md` says what a finding means; the tests hold each judge to a plain definition.
"""
