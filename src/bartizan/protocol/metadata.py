"""What can be wrong with authorization metadata, in the words that coverage and findings share."""

ANOTHER_RESOURCE = "the protected-resource metadata names another resource"
ANOTHER_ISSUER = "authorization-server metadata that names another issuer"
ANOTHER_ORIGIN = "the challenge names metadata on another origin"

# Those that leave no document behind in which a check could see the contradiction.
CONTRADICTIONS = (ANOTHER_ISSUER, ANOTHER_ORIGIN)
