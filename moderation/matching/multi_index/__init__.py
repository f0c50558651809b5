"""An exact index of 256-bit hashes: 16 sorted 16-bit slots in a memory-mapped file, and an overlay for what is newer.

Two hashes within 31 bits differ by at most one bit in some of their 16 slots (pigeonhole: two bits in each would be
32), so that a query looks at 17 buckets of each slot and compares what lies there. See docs/adr/0015.
"""
