"""Rules that a record must keep, whatever schema it has: sums, dates, identifiers, duplicates."""
