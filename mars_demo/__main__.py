"""`python -m mars_demo` is `mars-demo`."""

from mars_demo.cli import main

main()
