"""Where data lies: the working warehouse, its single writer, raw and staging, the published files, the control store.

It knows tables and files, not vendors, not how customers are told apart, and not what makes a load good.
"""
