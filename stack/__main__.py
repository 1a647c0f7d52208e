"""`python -m stack`: what ./inv runs."""

from stack.program import main

main()
