"""The engine of the course kit: it loads, tests, isolates, grades and audits chapters."""
