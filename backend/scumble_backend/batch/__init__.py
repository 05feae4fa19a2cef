"""Many pictures: what is to be done is planned here, and carried out by threads of this process or by Ray.

One task is one picture file: read, have it painted or enlarged, write. `work.py` does that; `threads.py` and
`cluster.py` only say where and how many at a time.
"""
