"""What both plugins share above the wire: the backend as an editor sees it, choices, words, rectangles.

Standard library and `scumble_wire` only; copied into each plugin when it is built.
"""
