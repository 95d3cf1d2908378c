"""Import networks that other programs have trained."""
