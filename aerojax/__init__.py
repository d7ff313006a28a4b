"""AeroJAX: teams of aircraft in three dimensions (to come)."""
