"""Tests of networks written as PyTorch."""
