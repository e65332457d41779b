"""Whether the model fits: weights, KV cache and what else takes room, on the card, in host memory and on disk."""
