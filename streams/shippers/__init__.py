"""Bytes of any shipper -> entries, or the reason why there are none. Pure: no clock, no I/O, and it never raises.

A record's family is decided by its shape, its headers and what the operator fixed for its topic; one module a family.
"""

from streams.shippers.decoder import create_decoder, rules_of
from streams.shippers.objects import pairs
from streams.shippers.record import Decode, Record
from streams.shippers.times import find_time

__all__ = ["Decode", "Record", "create_decoder", "find_time", "pairs", "rules_of"]
