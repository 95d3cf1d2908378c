"""How a network is trained: the loop over the core, and what may accompany it."""
