"""Privacy events, budgets, accountant, filter and ledger."""
