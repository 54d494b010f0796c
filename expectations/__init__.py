"""What makes data good enough: row rules that quarantine, table rules that hold a load, and the verdict over them.

It judges frames handed to it and never opens the warehouse; Great Expectations is imported only inside the functions that use it.
"""
