"""What keeps pods at the number that somebody asked for."""
