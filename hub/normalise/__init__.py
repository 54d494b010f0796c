"""Raw value -> match key, display value, status: e-mail, phone, names, companies, addresses, countries.

Pure functions of the value and its region, run over distinct values; nothing here compares two records.
"""
