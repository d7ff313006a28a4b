"""What a task is about: its terms, its end, what is seen of it."""
