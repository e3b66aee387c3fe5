"""What a site keeps on disk: ledger and students, answers, transfer sets."""
