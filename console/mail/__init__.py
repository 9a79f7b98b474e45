"""The outbox: mail is a sealed row written with the act that causes it, and sent by the worker."""
