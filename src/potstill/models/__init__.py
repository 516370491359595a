"""How any model is sampled: `served` over HTTP into the `ledger`, `local` in this process."""
