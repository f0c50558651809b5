"""Pictures drawn from a seed, so that the sample posts need no files and mean no harm.

Pixels are computed with additions, multiplications, divisions and tables only: NumPy's transcendental functions may
differ in the last bit from one processor to the next, and these pictures must be equal everywhere, byte for byte.
"""
