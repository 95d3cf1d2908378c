"""Parts of the package that are not public."""
