"""The command `llmtrack`: see it work, read what was recorded, find what is wrong."""
