"""What the networks are. Imports nothing of ours."""
