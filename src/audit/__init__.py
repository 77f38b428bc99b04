"""What happened, provably. Needs nothing."""
