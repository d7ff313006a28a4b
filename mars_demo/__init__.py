"""mars-demo: the reference trainer for MARS, MAPPO and MASPO."""
