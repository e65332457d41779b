"""How a replay asks: one chat after the other, within its rate, with patience, and written down as it goes."""
