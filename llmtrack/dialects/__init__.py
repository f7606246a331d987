"""Wire shapes: how a chunk or response of each client is read."""
