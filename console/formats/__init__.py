"""Mail and documents as bytes: what a file is, what is in it, and its words. Bytes in, values out; nothing is stored.

The raw bytes of a message are canonical. Everything here reads a copy, answers something for every input, and says in
flags or defects what was odd about it. No function here writes a message anew.
"""
