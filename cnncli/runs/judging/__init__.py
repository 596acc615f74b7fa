"""How good a trained network is: counts and what follows from them. Free of torch; `train/judge.py` lets the network answer."""
