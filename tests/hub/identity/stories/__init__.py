"""Stories told in several variants: other names, countries and missing fields, so that no rule is made for one sample."""
