"""Use cases, one module each. Here pure judgement and the world meet; `bootstrap` chooses the parts."""
