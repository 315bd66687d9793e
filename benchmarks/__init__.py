"""Side-by-side measurements against named peers; results.md is written by these scripts."""
