"""`bench review`: the console and its queue over as many posts and open jobs as a large service has."""
