"""Trainings on disk: what those who start one (backend, command line) and the process that learns agree on.

A *run* is a folder, from the first start to the finished pack, over however many sittings. Its *job* says what is to
be learned. While the process learns it tells *events*. All three are typed here, and read strictly.
"""
