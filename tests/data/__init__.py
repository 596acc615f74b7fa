"""What the tests and the package are fed with, and how it was made."""
