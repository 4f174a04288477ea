"""Read-only SQL across slices: lists, statements, revenue, trial balance. Nothing here writes."""
