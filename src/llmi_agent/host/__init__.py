"""Plugins and the tools they bring; the one door to addresses that others have named."""
