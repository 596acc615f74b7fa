"""Whether a run learns, and if not, why: what was seen of its layers, rules that judge it, words. Free of torch."""
