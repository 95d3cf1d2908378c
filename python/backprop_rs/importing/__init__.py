"""Networks that other programs have trained."""
