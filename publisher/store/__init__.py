"""The database: the only SQL in the house.

`engine` opens it, `tables` names what is in it, then one module an aggregate. May import `domain`
and `errors`. Functions take an open transaction; only services open one. Start with `engine`.
"""
