"""The lessons: small examples of the textbook, computed so that every step can be looked at; free of torch unless one needs it."""
