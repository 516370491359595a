"""Models asked through a provider's batch interface."""
