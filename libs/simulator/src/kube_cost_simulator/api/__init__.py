"""The API server, piece by piece: paths, selectors, answers, watches."""
