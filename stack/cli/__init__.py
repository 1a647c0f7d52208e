"""What is typed: the words of a command line, help, completion."""
