"""What tests stand on: real servers started and ended by them, and a network that misbehaves on demand."""
