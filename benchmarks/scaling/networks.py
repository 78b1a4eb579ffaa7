"""The networks between machines for which the model is drawn out; their numbers are assumptions, with their sources."""

from benchmarks.scaling.allreduce import Link

GIGABIT = 1e9 / 8
"""Bytes per second."""

TEN = Link(latency=30e-6, bandwidth=0.9 * 10 * GIGABIT)
HUNDRED = Link(latency=2e-6, bandwidth=0.9 * 100 * GIGABIT)

LINKS = {"10 Gbit/s": TEN, "100 Gbit/s": HUNDRED}
SOURCES = (
    "10 Gbit/s is taken as Ethernet with TCP, 30 µs a message; 100 Gbit/s as a network that bypasses the operating "
    "system (InfiniBand, RoCE), 2 µs a message, as Cisco measured for MPI over such a 40 Gbit/s Ethernet (1.93 µs, "
    "blogs.cisco.com/performance/mpi-over-40gb-ethernet). Both carry 90 % of their rate. Sums cost nothing beside them."
)
