"""Kafka in, Kafka out: each room does one thing to a line."""
