"""Names that tiktoken gives."""

O200K = "o200k_base"
#: The file of its vocabulary in tiktoken's cache.
O200K_FILE = "fb374d419588a4632f3f557e76b4b70aebbca790"
