"""Price APIs of the clouds, as the real ones speak, which misbehave on demand."""
