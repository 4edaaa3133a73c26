"""Pure decisions of the consumers: batching, folding, accounting and policies."""
