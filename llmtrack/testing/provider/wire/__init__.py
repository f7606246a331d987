"""One module per wire format: a query in, a reply out."""
