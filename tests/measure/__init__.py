"""Measure the formula's terms on real libraries: `make measure`. See README.md beside this file."""
