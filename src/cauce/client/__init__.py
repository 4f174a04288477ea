"""The public Python client: the nouns of the REST interface, async and plain, generated from the OpenAPI file."""
