"""Key points of pictures, and whether two pictures' points lie as one plane seen twice."""
