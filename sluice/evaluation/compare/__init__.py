"""Two models case by case: how much worse one is, how sure that is, and what may be compared at all."""
