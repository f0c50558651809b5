"""The way of one post from intake to publication."""
