"""Tests of networks written as YAML."""
