"""Clusters in which there is everything that costs."""
