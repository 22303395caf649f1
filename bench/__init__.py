"""How fast the networks answer."""
