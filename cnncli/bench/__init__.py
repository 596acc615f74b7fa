"""How fast a network runs on this machine, how much memory it takes, and how near it comes to what the machine can do."""
