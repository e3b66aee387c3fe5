"""The site: private data, local student, private training, ledger, outbox, relay."""
