"""Reading traces by hand: a local page of lists, problems, traces and comparisons, on which people label steps."""
