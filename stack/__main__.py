"""`python -m stack`: what ./inv runs."""

from stack import imports

imports.invoke()

from stack.program import main  # noqa: E402 - behind Invoke

main()
