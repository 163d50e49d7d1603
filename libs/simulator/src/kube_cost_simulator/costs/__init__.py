"""The truth about everything that costs, and beside it what the providers bill: two ways to one sum."""
