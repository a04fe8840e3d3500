"""LLMI tool `llmi_edit`: changes a picture by a plain-language instruction, with Pillow."""
