"""How the networks answer: decode, batch, run, rank, explain, time."""
