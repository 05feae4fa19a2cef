"""Networks: one family per file, plain modules without file or device access."""
