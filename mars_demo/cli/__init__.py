"""The command line `mars-demo`."""
