"""Bytes by their digest, and how pictures and files get in."""
